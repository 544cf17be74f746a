#include "instainfer/tensors/model_repository.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "instainfer/base/files.hpp"

namespace instainfer::tensors {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class ModelRepositoryTest : public ::testing::Test {
 protected:
  void write(const fs::path& relative, const std::string& content) {
    fs::create_directories((root_ / relative).parent_path());
    std::ofstream(root_ / relative) << content;
  }
  void add_model(const std::string& name, int version, const std::string& access = R"({"public": true})") {
    write(fs::path(name) / std::to_string(version) / "model.pt", "weights of version " + std::to_string(version));
    write(fs::path(name) / "model.json", access);
  }
  Result<RepositoryModel> find(std::string_view name, std::string_view version = "", std::string_view ns = "guest") {
    const auto repository = ModelRepository::open(root_);
    if (!repository) return fail(repository.error());
    return repository->find(name, version, ns);
  }
  Error error_of(std::string_view name, std::string_view version = "", std::string_view ns = "guest") {
    const auto model = find(name, version, ns);
    return model ? Error{} : model.error();
  }

  TemporaryDirectory directory_;
  fs::path root_ = directory_.path() / "models";
};

TEST_F(ModelRepositoryTest, FindsTheNewestVersionByNumber) {
  for (const int version : {2, 9, 10}) add_model("resnet", version);
  write("resnet/latest/model.pt", "not a version");
  const auto model = find("resnet");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->relative, "resnet/10/model.pt");
  EXPECT_EQ(model->size, Bytes{21});
  EXPECT_TRUE(model->function.is_null());
}

TEST_F(ModelRepositoryTest, FindsTheVersionAskedForWithItsFunctionJson) {
  add_model("resnet", 1);
  add_model("resnet", 2);
  write("resnet/1/function.json", R"({"inputs": []})");
  const auto model = find("resnet", "1");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->relative, "resnet/1/model.pt");
  EXPECT_EQ(model->function, (nlohmann::json{{"inputs", nlohmann::json::array()}}));
}

TEST_F(ModelRepositoryTest, NamesTheModelsTheNamespaceMayUseWhenThereIsNoSuchModel) {
  add_model("resnet", 1);
  add_model("alexnet", 1, R"({"namespaces": ["guest"]})");
  add_model("secret", 1, R"({"namespaces": ["other"]})");
  const Error error = error_of("vgg");
  EXPECT_EQ(error.code, ErrorCode::not_found);
  EXPECT_EQ(error.message, "the model repository has no model 'vgg'; namespace 'guest' may use: alexnet, resnet");
}

TEST_F(ModelRepositoryTest, NamesTheVersionsWhenThereIsNoSuchVersion) {
  add_model("resnet", 1);
  add_model("resnet", 3);
  const Error error = error_of("resnet", "2");
  EXPECT_EQ(error.code, ErrorCode::not_found);
  EXPECT_EQ(error.message, "model 'resnet' has no version 2; versions there: 1, 3");
}

TEST_F(ModelRepositoryTest, SaysThatAModelHasNoVersionAtAll) {
  write("resnet/model.json", R"({"public": true})");
  EXPECT_EQ(error_of("resnet").message, "model 'resnet' has no version at all; versions there: none");
}

TEST_F(ModelRepositoryTest, ReportsAVersionWithoutModelFile) {
  add_model("resnet", 1);
  fs::remove(root_ / "resnet/1/model.pt");
  EXPECT_EQ(error_of("resnet").code, ErrorCode::not_found);
  EXPECT_THAT(error_of("resnet").message, HasSubstr("'resnet/1/model.pt'"));
}

TEST_F(ModelRepositoryTest, RefusesNamesAndVersionsOutsideTheGrammar) {
  add_model("resnet", 1);
  const std::string too_long(65, 'a');
  for (const std::string name :
       {"", ".", "..", "../models/resnet", "resnet/1", "ResNet", "/etc", "a b", "r\xC3\xA9s"}) {
    EXPECT_EQ(error_of(name).code, ErrorCode::invalid_argument) << name;
  }
  EXPECT_EQ(error_of(too_long).code, ErrorCode::invalid_argument);
  EXPECT_EQ(error_of(std::string("resnet\0", 7)).code, ErrorCode::invalid_argument);
  for (const std::string version : {"0", "-1", "01", "1.0", "latest", "..", "1/../1", " 1", "99999999999"}) {
    EXPECT_EQ(error_of("resnet", version).code, ErrorCode::invalid_argument) << version;
  }
}

TEST_F(ModelRepositoryTest, LetsNobodyUseAModelWithoutModelJson) {
  add_model("resnet", 1);
  fs::remove(root_ / "resnet/model.json");
  EXPECT_EQ(error_of("resnet").code, ErrorCode::forbidden);
}

TEST_F(ModelRepositoryTest, LetsOnlyTheNamedNamespacesUseAModel) {
  add_model("resnet", 1, R"({"namespaces": ["guest", "staff"]})");
  EXPECT_TRUE(find("resnet", "", "guest"));
  EXPECT_TRUE(find("resnet", "1", "staff"));
  EXPECT_EQ(error_of("resnet", "", "other").code, ErrorCode::forbidden);
  EXPECT_EQ(error_of("resnet", "", "").code, ErrorCode::forbidden);
  EXPECT_THAT(error_of("resnet", "", "other").message, Not(HasSubstr("staff")));
}

TEST_F(ModelRepositoryTest, LetsNobodyUseAModelThatIsNotPublicAndNamesNobody) {
  for (const char* access : {"{}", R"({"public": false})", R"({"namespaces": []})"}) {
    add_model("resnet", 1, access);
    EXPECT_EQ(error_of("resnet").code, ErrorCode::forbidden) << access;
  }
}

TEST_F(ModelRepositoryTest, RefusesAModelJsonItDoesNotUnderstand) {
  for (const char* access : {R"({"public": "yes"})", R"({"pubic": true})", R"({"namespaces": "guest"})",
                             R"({"namespaces": [7]})", R"({"public": true, "extra": 1})"}) {
    add_model("resnet", 1, access);
    const Error error = error_of("resnet");
    EXPECT_EQ(error.code, ErrorCode::internal) << access;
    EXPECT_THAT(error.message, HasSubstr(R"(resnet/model.json must be {"public": true} or)")) << access;
  }
  for (const char* access : {"", "{", "[]", "true"}) {
    add_model("resnet", 1, access);
    EXPECT_EQ(error_of("resnet").code, ErrorCode::internal) << access;
  }
}

TEST_F(ModelRepositoryTest, RefusesAFunctionJsonThatIsNoObject) {
  add_model("resnet", 1);
  write("resnet/1/function.json", "[1, 2]");
  EXPECT_EQ(error_of("resnet").message, "resnet/1/function.json must hold a JSON object");
}

TEST_F(ModelRepositoryTest, RefusesLinksThatLeadOut) {
  std::ofstream(directory_.path() / "outside.pt") << "somebody else's";
  fs::create_directories(directory_.path() / "elsewhere/1");
  std::ofstream(directory_.path() / "elsewhere/1/model.pt") << "somebody else's";
  std::ofstream(directory_.path() / "elsewhere/model.json") << R"({"public": true})";

  add_model("file-link", 1);
  fs::remove(root_ / "file-link/1/model.pt");
  fs::create_symlink("../../../outside.pt", root_ / "file-link/1/model.pt");
  fs::create_directory_symlink(directory_.path() / "elsewhere", root_ / "folder-link");
  add_model("version-link", 1);
  fs::create_directory_symlink("../../elsewhere/1", root_ / "version-link/2");
  add_model("access-link", 1);
  fs::remove(root_ / "access-link/model.json");
  fs::create_symlink("../../elsewhere/model.json", root_ / "access-link/model.json");

  for (const char* name : {"file-link", "folder-link", "version-link", "access-link"}) {
    const Error error = error_of(name);
    EXPECT_EQ(error.code, ErrorCode::forbidden) << name;
    EXPECT_THAT(error.message, HasSubstr("leads out of the model repository")) << name;
  }
}

TEST_F(ModelRepositoryTest, DoesNotHangOnAPipeInPlaceOfTheModel) {
  add_model("resnet", 1);
  fs::remove(root_ / "resnet/1/model.pt");
  ASSERT_EQ(::mkfifo((root_ / "resnet/1/model.pt").c_str(), 0600), 0);
  EXPECT_EQ(error_of("resnet").message, "resnet/1/model.pt is no ordinary file");
}

TEST_F(ModelRepositoryTest, SaysThatTheRootIsMissingOrNoFolder) {
  EXPECT_EQ(error_of("resnet").code, ErrorCode::not_found);
  EXPECT_THAT(error_of("resnet").message, HasSubstr("create the folder or name another one"));
  std::ofstream(root_) << "a file";
  EXPECT_THAT(error_of("resnet").message, HasSubstr("is no folder"));
}

}  // namespace
}  // namespace instainfer::tensors
