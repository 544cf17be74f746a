// Compiles Beast's implementation once for all modules (BOOST_BEAST_SEPARATE_COMPILATION).
#include <boost/beast/src.hpp>
