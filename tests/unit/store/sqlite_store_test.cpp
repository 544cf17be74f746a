#include <gmock/gmock.h>
#include <sqlite3.h>

#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include <boost/asio/use_future.hpp>

#include "fixture.hpp"
#include "instainfer/base/encoding.hpp"

namespace instainfer::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> names_of(const Result<std::vector<openwhisk::Action>>& actions) {
  std::vector<std::string> names;
  for (const auto& action : actions.value()) names.push_back(action.name.qualified());
  return names;
}

std::vector<int> numbers_of(const Result<std::vector<openwhisk::Activation>>& records) {
  std::vector<int> numbers;
  for (const auto& record : records.value()) numbers.push_back(std::stoi(record.activation_id));
  return numbers;
}

TEST_F(StoreTest, GivesBackAnActionAsItWasPut) {
  auto put = action("hello", "tools");
  put.version = {1, 2, 3};
  put.publish = true;
  put.exec.main = "other";
  const auto revision = wait(store_->put_action(put));
  ASSERT_TRUE(revision) << revision.error().message;
  EXPECT_THAT(*revision, ::testing::MatchesRegex("1-[0-9a-f]+"));
  const auto got = wait(store_->get_action(put.name));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->name, put.name);
  EXPECT_EQ(got->exec, put.exec);
  EXPECT_EQ(got->parameters, put.parameters);
  EXPECT_EQ(got->annotations, put.annotations);
  EXPECT_EQ(got->limits, put.limits);
  EXPECT_EQ(got->version, put.version);
  EXPECT_EQ(got->updated, put.updated);
  EXPECT_TRUE(got->publish);
  EXPECT_EQ(got->revision, *revision);
}

TEST_F(StoreTest, ReadsAnActionWithoutItsCode) {
  const auto put = action("hello");
  const auto revision = wait(store_->put_action(put));
  const auto got = wait(store_->get_action_without_code(put.name));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->exec.code, std::nullopt);
  EXPECT_EQ(got->exec.code_sha256, sha256_hex(*put.exec.code));
  EXPECT_EQ(got->parameters, put.parameters);
  EXPECT_EQ(got->limits, put.limits);
  EXPECT_EQ(got->revision, *revision);
}

TEST_F(StoreTest, SaysWhichActionDoesNotExist) {
  const Error missing{ErrorCode::not_found, "action 'guest/nobody' does not exist"};
  EXPECT_EQ(wait(store_->get_action({"guest", "", "nobody"})).error(), missing);
  EXPECT_EQ(wait(store_->get_action_without_code({"guest", "", "nobody"})).error(), missing);
}

TEST_F(StoreTest, RefusesToCreateAnActionTwice) {
  ASSERT_TRUE(wait(store_->put_action(action("hello"))));
  const auto again = wait(store_->put_action(action("hello")));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::already_exists);
}

TEST_F(StoreTest, ReplacesAnActionOnlyAtItsPresentRevision) {
  auto changed = action("hello");
  const auto first = wait(store_->put_action(changed));
  changed.revision = *first;
  changed.exec.code = "other code";
  const auto second = wait(store_->put_action(changed));
  ASSERT_TRUE(second);
  EXPECT_THAT(*second, ::testing::StartsWith("2-"));

  const auto lost_race = wait(store_->put_action(changed));
  ASSERT_FALSE(lost_race);
  EXPECT_EQ(lost_race.error().code, ErrorCode::conflict);
  EXPECT_EQ(wait(store_->get_action(changed.name))->exec.code, "other code");
}

TEST_F(StoreTest, RefusesToReplaceWhatDoesNotExist) {
  auto gone = action("hello");
  gone.revision = "1-abc";
  EXPECT_EQ(wait(store_->put_action(gone)).error().code, ErrorCode::conflict);
}

TEST_F(StoreTest, DeletesAnActionAndItsCodeOnlyAtItsPresentRevision) {
  const auto put = action("hello");
  const auto revision = wait(store_->put_action(put));
  EXPECT_EQ(wait(store_->delete_action(put.name, "1-wrong")).error().code, ErrorCode::conflict);
  ASSERT_TRUE(wait(store_->delete_action(put.name, *revision)));
  EXPECT_EQ(wait(store_->delete_action(put.name, *revision)).error().code, ErrorCode::not_found);

  auto codeless = action("hello");
  codeless.exec.code.reset();
  ASSERT_TRUE(wait(store_->put_action(codeless)));
  EXPECT_EQ(wait(store_->get_action(put.name))->exec.code, std::nullopt);
}

TEST_F(StoreTest, ListsActionsNewestFirstByPage) {
  for (const auto& put : {action("a", "", 10), action("b", "pkg", 30), action("c", "", 20), action("d", "", 20)}) {
    ASSERT_TRUE(wait(store_->put_action(put)));
  }
  auto foreign = action("x");
  foreign.name.ns = "other";
  ASSERT_TRUE(wait(store_->put_action(foreign)));

  EXPECT_THAT(names_of(wait(store_->list_actions("guest", {}, {0, 30}))),
              ElementsAre("guest/pkg/b", "guest/c", "guest/d", "guest/a"));
  EXPECT_THAT(names_of(wait(store_->list_actions("guest", {}, {1, 2}))), ElementsAre("guest/c", "guest/d"));
  EXPECT_THAT(names_of(wait(store_->list_actions("guest", "pkg", {0, 30}))), ElementsAre("guest/pkg/b"));
  EXPECT_THAT(names_of(wait(store_->list_actions("guest", "", {0, 30}))), ElementsAre("guest/c", "guest/d", "guest/a"));
  EXPECT_THAT(names_of(wait(store_->list_actions("nobody", {}, {0, 30}))), IsEmpty());
  EXPECT_EQ(wait(store_->count_actions("guest", {})), 4);
  EXPECT_EQ(wait(store_->count_actions("guest", "pkg")), 1);
  EXPECT_EQ(wait(store_->all_actions())->size(), 5u);
}

TEST_F(StoreTest, ListsLeaveTheCodeOutButKeepTheExecutionHash) {
  const auto put = action("hello");
  ASSERT_TRUE(wait(store_->put_action(put)));
  const auto listed = wait(store_->all_actions());
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->front().exec.code, std::nullopt);
  EXPECT_EQ(openwhisk::execution_hash(listed->front()), openwhisk::execution_hash(put));
}

TEST_F(StoreTest, KeepsBinaryMarkOfCodeInLists) {
  auto zip = action("zip");
  zip.exec.code = "UEsDBA==";
  zip.exec.binary = true;
  ASSERT_TRUE(wait(store_->put_action(zip)));
  EXPECT_TRUE(wait(store_->all_actions())->front().exec.binary);
}

TEST_F(StoreTest, GivesBackARecordAsItWasPut) {
  const auto put = record(7);
  ASSERT_TRUE(wait(store_->put(put)));
  const auto got = wait(store_->get("guest", put.activation_id));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(openwhisk::to_document(*got), openwhisk::to_document(put));
}

TEST_F(StoreTest, HidesARecordFromOtherNamespaces) {
  ASSERT_TRUE(wait(store_->put(record(7))));
  EXPECT_EQ(wait(store_->get("other", record(7).activation_id)).error().code, ErrorCode::not_found);
}

TEST_F(StoreTest, RefusesASecondRecordOfTheSameActivationAndKeepsTheFirst) {
  ASSERT_TRUE(wait(store_->put(record(7))));
  auto second = record(7);
  second.response.result = openwhisk::Json{{"answer", "forged"}};
  EXPECT_EQ(wait(store_->put(second)).error().code, ErrorCode::already_exists);
  EXPECT_EQ(wait(store_->get("guest", second.activation_id))->response.result, record(7).response.result);
}

TEST_F(StoreTest, ListsRecordsNewestFirstWithinInclusiveBounds) {
  for (int number = 0; number < 10; ++number) ASSERT_TRUE(wait(store_->put(record(number))));
  ActivationQuery query{
      "guest", {}, EpochMillis(std::chrono::milliseconds(1003)), EpochMillis(std::chrono::milliseconds(1006)), {}};
  EXPECT_THAT(numbers_of(wait(store_->list(query))), ElementsAre(6, 5, 4, 3));
  EXPECT_EQ(wait(store_->count(query)), 4);
  query.page = {1, 2};
  EXPECT_THAT(numbers_of(wait(store_->list(query))), ElementsAre(5, 4));
}

TEST_F(StoreTest, FindsRecordsByNameAndTellsPackagesApart) {
  ASSERT_TRUE(wait(store_->put(record(1, "guest/hello"))));
  ASSERT_TRUE(wait(store_->put(record(2, "guest/pkg/hello"))));
  ASSERT_TRUE(wait(store_->put(record(3, "whisk.system/pkg/hello"))));
  EXPECT_THAT(numbers_of(wait(store_->list({"guest", "hello", {}, {}, {}}))), ElementsAre(1));
  EXPECT_THAT(numbers_of(wait(store_->list({"guest", "pkg/hello", {}, {}, {}}))), ElementsAre(3, 2));
  EXPECT_THAT(numbers_of(wait(store_->list({"guest", "other", {}, {}, {}}))), IsEmpty());
}

TEST_F(StoreTest, StoresTextThatIsNotUtf8WithReplacements) {
  auto broken = record(1);
  broken.logs = {"\xFF\xFE"};
  ASSERT_TRUE(wait(store_->put(broken)));
  EXPECT_EQ(wait(store_->get("guest", broken.activation_id))->logs.front(), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_F(StoreTest, KeepsEverythingAcrossReopening) {
  ASSERT_TRUE(wait(store_->put_action(action("hello"))));
  ASSERT_TRUE(wait(store_->put(record(1))));
  StoredProfile profile{"hash", EpochMillis(std::chrono::milliseconds(99)), {}};
  profile.profile.loads = 3;
  profile.profile.load_time = std::chrono::milliseconds(250);
  profile.profile.loaded_bytes = mebibytes(100);
  profile.profile.peak_bytes = mebibytes(120);
  profile.profile.execution_mean = std::chrono::microseconds(1500);
  profile.profile.arrivals = 12;
  profile.profile.observed_for = std::chrono::hours(3);
  profile.profile.arrival_ages = {std::chrono::seconds(9), std::chrono::nanoseconds(1)};
  ASSERT_TRUE(wait(store_->put_all({{{"guest", "guest/hello"}, profile}})));
  reopen();
  EXPECT_TRUE(wait(store_->get_action(action("hello").name)));
  EXPECT_TRUE(wait(store_->get("guest", record(1).activation_id)));
  const auto profiles = wait(store_->get_all());
  ASSERT_EQ(profiles->size(), 1u);
  const auto& stored = profiles->at({"guest", "guest/hello"});
  EXPECT_EQ(stored.execution_hash, "hash");
  EXPECT_EQ(stored.saved_at, profile.saved_at);
  EXPECT_EQ(stored.profile, profile.profile);
}

TEST_F(StoreTest, PutAllReplacesGivenProfilesAndKeepsTheOthers) {
  ASSERT_TRUE(wait(store_->put_all({{{"guest", "a"}, {"1", {}, {}}}, {{"guest", "b"}, {"1", {}, {}}}})));
  ASSERT_TRUE(wait(store_->put_all({{{"guest", "b"}, {"2", {}, {}}}})));
  const auto profiles = wait(store_->get_all());
  EXPECT_EQ(profiles->at({"guest", "a"}).execution_hash, "1");
  EXPECT_EQ(profiles->at({"guest", "b"}).execution_hash, "2");
}

TEST_F(StoreTest, RefusedWriteTakesNoConcurrentWriteWithIt) {
  ASSERT_TRUE(wait(store_->put(record(5))));
  std::vector<std::future<Result<void>>> writes;
  for (int number = 0; number < 50; ++number) {
    writes.push_back(boost::asio::co_spawn(context_, store_->put(record(number)), boost::asio::use_future));
  }
  context_.restart();
  context_.run();
  for (int number = 0; number < 50; ++number)
    EXPECT_EQ(writes[static_cast<std::size_t>(number)].get().has_value(), number != 5);
  EXPECT_EQ(wait(store_->count({"guest", {}, {}, {}, {}})), 50);
}

TEST_F(StoreTest, ResumesOnTheCallersThread) {
  std::thread::id resumed_on;
  auto body = [](SqliteStore& store, std::thread::id& id) -> Task<Result<void>> {
    const auto count = co_await store.count_actions("guest", std::nullopt);
    id = std::this_thread::get_id();
    co_return count ? Result<void>() : fail(count.error());
  };
  ASSERT_TRUE(wait(body(*store_, resumed_on)));
  EXPECT_EQ(resumed_on, std::this_thread::get_id());
}

TEST_F(StoreTest, FinishesAcceptedWritesBeforeItCloses) {
  std::vector<std::future<Result<void>>> writes;
  for (int number = 0; number < 100; ++number) {
    writes.push_back(boost::asio::co_spawn(context_, store_->put(record(number)), boost::asio::use_future));
  }
  context_.restart();
  context_.poll();  // every coroutine has handed its write over; few are answered
  reopen();
  context_.run();
  for (auto& write : writes) EXPECT_TRUE(write.get());
  EXPECT_EQ(wait(store_->count({"guest", {}, {}, {}, {}})), 100);
}

TEST_F(StoreTest, RefusesAFileThatAnotherStoreHasOpen) {
  const auto second = SqliteStore::open(file_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_THAT(second.error().message, HasSubstr(file_.string() + ": the database is open in another process"));
}

TEST_F(StoreTest, RefusesAFileInAMissingFolder) {
  const auto store = SqliteStore::open(directory_.path() / "missing" / "state.sqlite");
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("does its folder exist, writable?"));
}

TEST_F(StoreTest, RefusesAFileThatIsNoDatabase) {
  const auto path = directory_.path() / "text";
  std::ofstream(path) << std::string(5000, 'x');
  const auto store = SqliteStore::open(path);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("the file is no SQLite database"));
}

class ForeignFile : public StoreTest {
 protected:
  /// The error of opening a fresh file after `sql` was run on it.
  std::string error_after(const char* sql) {
    store_.reset();
    sqlite3* raw = nullptr;
    EXPECT_EQ(sqlite3_open(file_.c_str(), &raw), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(raw);
    const auto store = SqliteStore::open(file_);
    return store ? "" : store.error().message;
  }
};

TEST_F(ForeignFile, RefusesANewerSchemaAndNamesBothVersions) {
  EXPECT_THAT(error_after("PRAGMA user_version = 9"), HasSubstr("schema version 9, this program knows up to 1"));
}

TEST_F(ForeignFile, RefusesTheDatabaseOfAnotherProgram) {
  EXPECT_THAT(error_after("PRAGMA application_id = 7"), HasSubstr("belongs to another program"));
}

TEST_F(ForeignFile, ReportsADocumentThatCannotBeRead) {
  ASSERT_TRUE(wait(store_->put_action(action("hello"))));
  ASSERT_EQ(error_after("UPDATE actions SET document = '{\"namespace\": 7}'"), "");
  reopen();
  const auto got = wait(store_->get_action(action("hello").name));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::internal);
  EXPECT_THAT(got.error().message, HasSubstr("member 'namespace' must be a string"));
}

}  // namespace
}  // namespace instainfer::store
