// The function bodies of Asio's TLS streams, which only tests use; the rest is in roachpin_asio.
#include <boost/asio/ssl/impl/src.hpp>
