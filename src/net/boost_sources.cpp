// Asio and Beast are compiled once, here (BOOST_ASIO_SEPARATE_COMPILATION and Beast's counterpart).
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
