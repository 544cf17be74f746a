#include "instainfer/store/sqlite_store.hpp"

#include <gtest/gtest.h>
TEST(SqliteStore, Opens) {}
