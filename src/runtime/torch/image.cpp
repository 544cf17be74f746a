#include "torch/image.hpp"

#include <png.h>

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jpeglib.h>

namespace instainfer::runtime {

namespace {

constexpr int kChannels = 3;
constexpr std::int64_t kPixelLimit = std::int64_t{64} << 20;

tl::unexpected<Error> refuse(std::string sentence) {
  return fail(ErrorCode::invalid_argument, std::move(sentence));
}

/// libjpeg reports by calling back; the only way out of its C frames is a jump.
struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf out;
  std::array<char, JMSG_LENGTH_MAX> text;
};

void leave_decoder(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  (*info->err->format_message)(info, errors->text.data());
  std::longjmp(errors->out, 1);
}

void ignore_message(j_common_ptr) {
}

/// No object with a destructor may live between setjmp and longjmp: `picture` belongs to the caller.
bool decode_jpeg(std::string_view file, Picture& picture, JpegErrors& errors) {
  jpeg_decompress_struct info;
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = leave_decoder;
  errors.base.output_message = ignore_message;
  if (setjmp(errors.out) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  if (std::int64_t{info.image_width} * info.image_height > kPixelLimit) {
    std::snprintf(errors.text.data(), errors.text.size(), "more than 64 megapixels");
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_start_decompress(&info);
  picture.width = static_cast<int>(info.output_width);
  picture.height = static_cast<int>(info.output_height);
  const std::size_t row_bytes = std::size_t{info.output_width} * kChannels;
  picture.pixels.resize(row_bytes * info.output_height);
  while (info.output_scanline < info.output_height) {
    auto* row = reinterpret_cast<JSAMPROW>(picture.pixels.data() + row_bytes * info.output_scanline);
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

Result<Picture> decode_png(std::string_view file) {
  png_image info{};
  info.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&info, file.data(), file.size()) == 0) {
    return refuse(std::string("the picture is not a complete PNG: ") + info.message);
  }
  if (std::int64_t{info.width} * info.height > kPixelLimit) {
    png_image_free(&info);
    return refuse("the picture has more than 64 megapixels");
  }
  info.format = PNG_FORMAT_RGB;
  Picture picture{static_cast<int>(info.width), static_cast<int>(info.height), std::string(PNG_IMAGE_SIZE(info), '\0')};
  const png_color black{0, 0, 0};
  if (png_image_finish_read(&info, &black, picture.pixels.data(), 0, nullptr) == 0) {
    return refuse(std::string("the picture is not a complete PNG: ") + info.message);
  }
  return picture;
}

/// Which source pixels make one target pixel, and how much each counts.
struct Contribution {
  int first = 0;
  std::vector<float> weights;
};

std::vector<Contribution> triangle_filter(int from, int to) {
  const double scale = static_cast<double>(from) / to;
  const double reach = std::max(scale, 1.0);  // of the triangle, in source pixels
  std::vector<Contribution> contributions(static_cast<std::size_t>(to));
  for (int target = 0; target < to; ++target) {
    const double centre = (target + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - reach + 0.5));
    const int last = std::min(from, static_cast<int>(centre + reach + 0.5));
    Contribution& contribution = contributions[static_cast<std::size_t>(target)];
    contribution.first = first;
    double sum = 0;
    for (int source = first; source < last; ++source) {
      const double weight = std::max(0.0, 1.0 - std::abs((source + 0.5 - centre) / reach));
      contribution.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : contribution.weights) weight = static_cast<float>(weight / sum);
  }
  return contributions;
}

/// Along rows or columns: `stride` is the distance in bytes between neighbours in the direction of filtering.
void apply_filter(const std::vector<Contribution>& filter, const char* source, std::size_t source_stride, char* target,
                  std::size_t target_stride) {
  for (const Contribution& contribution : filter) {
    for (int channel = 0; channel < kChannels; ++channel) {
      float sum = 0.5F;
      const char* pixel = source + static_cast<std::size_t>(contribution.first) * source_stride + channel;
      for (const float weight : contribution.weights) {
        sum += weight * static_cast<float>(static_cast<unsigned char>(*pixel));
        pixel += source_stride;
      }
      target[channel] = static_cast<char>(static_cast<unsigned char>(std::clamp(sum, 0.0F, 255.0F)));
    }
    target += target_stride;
  }
}

}  // namespace

Result<Picture> decode_picture(std::string_view file) {
  if (file.size() > 8 && png_sig_cmp(reinterpret_cast<png_const_bytep>(file.data()), 0, 8) == 0)
    return decode_png(file);
  if (file.size() > 3 && file.substr(0, 2) == "\xFF\xD8") {
    Picture picture;
    JpegErrors errors{};
    if (decode_jpeg(file, picture, errors)) return picture;
    return refuse(std::string("the picture cannot be decoded: ") + errors.text.data());
  }
  return refuse("the picture is neither a JPEG nor a PNG");
}

Picture resize_picture(const Picture& picture, int width, int height) {
  const auto source_row = static_cast<std::size_t>(picture.width) * kChannels;
  const auto row = static_cast<std::size_t>(width) * kChannels;
  std::string narrow(row * static_cast<std::size_t>(picture.height), '\0');
  const auto across = triangle_filter(picture.width, width);
  for (int y = 0; y < picture.height; ++y) {
    const auto line = static_cast<std::size_t>(y);
    apply_filter(across, picture.pixels.data() + line * source_row, kChannels, narrow.data() + line * row, kChannels);
  }
  Picture result{width, height, std::string(row * static_cast<std::size_t>(height), '\0')};
  const auto down = triangle_filter(picture.height, height);
  for (std::size_t x = 0; x < row; x += kChannels)
    apply_filter(down, narrow.data() + x, row, result.pixels.data() + x, row);
  return result;
}

Result<Tensor> picture_to_tensor(const ImagePreprocessing& preprocessing, std::string_view file) {
  auto decoded = decode_picture(file);
  if (!decoded) return fail(decoded.error());
  const int shorter = std::min(decoded->width, decoded->height);
  const auto scaled = [&](int side) {
    return side == shorter ? preprocessing.resize
                           : static_cast<int>(std::int64_t{preprocessing.resize} * side / shorter);
  };
  if (std::int64_t{scaled(decoded->width)} * scaled(decoded->height) > kPixelLimit) {
    return refuse("the picture is too long and narrow to be resized");
  }
  const Picture picture = resize_picture(*decoded, scaled(decoded->width), scaled(decoded->height));
  const int crop = preprocessing.crop;
  const int left = static_cast<int>(std::nearbyint((picture.width - crop) / 2.0));
  const int top = static_cast<int>(std::nearbyint((picture.height - crop) / 2.0));
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(kChannels) * static_cast<std::size_t>(crop) * static_cast<std::size_t>(crop));
  for (std::size_t channel = 0; channel < kChannels; ++channel) {
    for (int y = top; y < top + crop; ++y) {
      for (int x = left; x < left + crop; ++x) {
        const auto at =
            (static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) + static_cast<std::size_t>(x)) *
            kChannels;
        const float value = static_cast<float>(static_cast<unsigned char>(picture.pixels[at + channel])) / 255.0F;
        values.push_back((value - preprocessing.mean[channel]) / preprocessing.deviation[channel]);
      }
    }
  }
  Tensor tensor{preprocessing.input, DataType::fp32, {1, kChannels, crop, crop}, {}};
  tensor.bytes.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return tensor;
}

}  // namespace instainfer::runtime
