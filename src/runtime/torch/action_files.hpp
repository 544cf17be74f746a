#pragma once

#include <string>

#include "instainfer/base/result.hpp"

namespace instainfer::runtime {

/// Unpacks a zip of the action into the working directory: regular files only, at names that stay inside it, at most
/// 1024 files and 2 GiB of content. An error says what is wrong with the zip.
Result<void> unpack_zip(const std::string& zip);

}  // namespace instainfer::runtime
