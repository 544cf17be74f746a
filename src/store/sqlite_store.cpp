#include "instainfer/store/sqlite_store.hpp"

#include <exception>
#include <functional>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "tables.hpp"
#include "writer_thread.hpp"

namespace instainfer::store {
namespace {

namespace asio = boost::asio;

enum class Access { read, write };

/// Does `work` on the store's thread and resumes the waiting coroutine with the result on the coroutine's own executor.
template <typename Value, typename Handler>
class CoroutineJob final : public Job {
 public:
  using Work = std::function<Result<Value>(Database&)>;

  CoroutineJob(Access access, Work work, Handler handler)
      : access_(access),
        work_(std::move(work)),
        executor_(asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked)),
        handler_(std::move(handler)) {}

  bool writes() const override { return access_ == Access::write; }

  Result<void> run(Database& database) override {
    try {
      result_ = work_(database);
    } catch (const std::exception& error) {  // out of memory, mostly: it must not end the store's thread
      result_ = fail(ErrorCode::internal, std::string("the store failed: ") + error.what());
    }
    if (result_) return {};
    return fail(result_.error());
  }

  void finish(std::optional<Error> instead) override {
    if (instead) result_ = fail(*std::move(instead));
    asio::post(executor_, [handler = std::move(handler_), result = std::move(result_)]() mutable {
      std::move(handler)(std::move(result));
    });
  }

 private:
  using Executor = asio::associated_executor_t<Handler>;
  using TrackedExecutor =
      std::decay_t<decltype(asio::prefer(std::declval<Executor>(), asio::execution::outstanding_work.tracked))>;

  Access access_;
  Work work_;
  TrackedExecutor executor_;
  Handler handler_;
  Result<Value> result_ = fail(ErrorCode::internal, "the store did not run this request");
};

template <typename Value>
Task<Result<Value>> on_thread(WriterThread& thread, Access access, std::function<Result<Value>(Database&)> work) {
  auto start = [](auto handler, WriterThread* target, Access wanted, std::function<Result<Value>(Database&)> todo) {
    target->submit(
        std::make_unique<CoroutineJob<Value, decltype(handler)>>(wanted, std::move(todo), std::move(handler)));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<Value>)>(
      std::move(start), asio::use_awaitable, &thread, access, std::move(work));
}

}  // namespace

struct SqliteStore::Impl {
  explicit Impl(Database database) : thread(std::move(database)) {}

  template <typename Value>
  Task<Result<Value>> read(std::function<Result<Value>(Database&)> work) {
    return on_thread<Value>(thread, Access::read, std::move(work));
  }
  template <typename Value>
  Task<Result<Value>> write(std::function<Result<Value>(Database&)> work) {
    return on_thread<Value>(thread, Access::write, std::move(work));
  }

  WriterThread thread;
};

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
}
SqliteStore::~SqliteStore() = default;

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& file) {
  auto database = Database::open(file);
  if (!database) return fail(std::move(database.error()));
  if (auto ready = prepare_schema(*database); !ready) return fail(ready.error().in(file.string()));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::make_unique<Impl>(*std::move(database))));
}

Task<Result<openwhisk::Action>> SqliteStore::get_action(openwhisk::EntityName name) {
  return impl_->read<openwhisk::Action>(
      [name = std::move(name)](Database& database) { return read_action(database, name); });
}

Task<Result<openwhisk::Action>> SqliteStore::get_action_without_code(openwhisk::EntityName name) {
  return impl_->read<openwhisk::Action>(
      [name = std::move(name)](Database& database) { return read_action_without_code(database, name); });
}

Task<Result<std::string>> SqliteStore::put_action(openwhisk::Action action) {
  return impl_->write<std::string>(
      [action = std::move(action)](Database& database) { return write_action(database, action); });
}

Task<Result<void>> SqliteStore::delete_action(openwhisk::EntityName name, std::string revision) {
  return impl_->write<void>([name = std::move(name), revision = std::move(revision)](Database& database) {
    return erase_action(database, name, revision);
  });
}

Task<Result<std::vector<openwhisk::Action>>> SqliteStore::list_actions(std::string ns,
                                                                       std::optional<std::string> package, Page page) {
  return impl_->read<std::vector<openwhisk::Action>>(
      [ns = std::move(ns), package = std::move(package), page](Database& database) {
        return read_actions(database, ns, package, page);
      });
}

Task<Result<std::int64_t>> SqliteStore::count_actions(std::string ns, std::optional<std::string> package) {
  return impl_->read<std::int64_t>([ns = std::move(ns), package = std::move(package)](Database& database) {
    return store::count_actions(database, ns, package);
  });
}

Task<Result<std::vector<openwhisk::Action>>> SqliteStore::all_actions() {
  return impl_->read<std::vector<openwhisk::Action>>([](Database& database) { return read_all_actions(database); });
}

Task<Result<void>> SqliteStore::put(openwhisk::Activation activation) {
  return impl_->write<void>(
      [activation = std::move(activation)](Database& database) { return write_activation(database, activation); });
}

Task<Result<openwhisk::Activation>> SqliteStore::get(std::string ns, std::string activation_id) {
  return impl_->read<openwhisk::Activation>([ns = std::move(ns), id = std::move(activation_id)](Database& database) {
    return read_activation(database, ns, id);
  });
}

Task<Result<std::vector<openwhisk::Activation>>> SqliteStore::list(ActivationQuery query) {
  return impl_->read<std::vector<openwhisk::Activation>>(
      [query = std::move(query)](Database& database) { return read_activations(database, query); });
}

Task<Result<std::int64_t>> SqliteStore::count(ActivationQuery query) {
  return impl_->read<std::int64_t>(
      [query = std::move(query)](Database& database) { return count_activations(database, query); });
}

Task<Result<void>> SqliteStore::put_all(std::map<ProfileKey, StoredProfile> profiles) {
  return impl_->write<void>(
      [profiles = std::move(profiles)](Database& database) { return write_profiles(database, profiles); });
}

Task<Result<std::map<ProfileKey, StoredProfile>>> SqliteStore::get_all() {
  return impl_->read<std::map<ProfileKey, StoredProfile>>([](Database& database) { return read_profiles(database); });
}

}  // namespace instainfer::store
