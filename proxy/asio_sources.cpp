// What roachpin_asio consists of: the bodies of all that Asio declares.
#include <boost/asio/impl/src.hpp>
