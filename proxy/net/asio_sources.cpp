// Asio's own function bodies, compiled here once instead of in every unit.
#include <boost/asio/impl/src.hpp>
