#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http_types.hpp"
#include "instainfer/base/task.hpp"

namespace instainfer::controller {

using Handler = std::function<Task<Answer>(Call)>;
enum class Access { open, user };

/// The table of routes. A pattern is a path whose `*` segments match any non-empty segment; a trailing slash counts.
class Router {
 public:
  struct Route {
    std::string method;
    std::vector<std::string> pattern;
    Access access = Access::user;
    Handler handler;
  };
  /// `route` is null if nothing matches: `allowed` then lists the methods that the path has ("GET, PUT"), if it exists.
  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> parameters;
    std::string allowed;
  };

  void add(std::string_view method, std::string_view pattern, Access access, Handler handler);
  /// `path` is percent-encoded and without query.
  [[nodiscard]] Match find(std::string_view method, std::string_view path) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace instainfer::controller
