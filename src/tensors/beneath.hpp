#pragma once

#include <string>

#include "instainfer/base/result.hpp"
#include "instainfer/base/unique_fd.hpp"

namespace instainfer::tensors {

/// Opens `relative` read-only so that neither "..", an absolute link nor a link that leads out can leave the folder
/// `root`. Links that stay inside are followed where the kernel can check them (openat2, Linux 5.6), else no link at
/// all. not_found: it does not exist; forbidden: it leads out of the folder.
Result<UniqueFd> open_beneath(const UniqueFd& root, const std::string& relative, int flags);

}  // namespace instainfer::tensors
