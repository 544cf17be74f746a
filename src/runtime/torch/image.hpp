#pragma once

#include "torch/function_description.hpp"

namespace instainfer::runtime {

/// Eight-bit RGB, row by row.
struct Picture {
  int width = 0;
  int height = 0;
  std::string pixels;
};

/// Decodes a JPEG or PNG of at most 64 megapixels.
Result<Picture> decode_picture(std::string_view file);

/// Shrinks or enlarges with the triangle filter over all covered pixels, as the usual training pipelines do.
Picture resize_picture(const Picture& picture, int width, int height);

/// The declared preprocessing: a tensor FP32 [1, 3, crop, crop].
Result<Tensor> picture_to_tensor(const ImagePreprocessing& preprocessing, std::string_view file);

}  // namespace instainfer::runtime
