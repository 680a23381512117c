// The JSON reader of indexer/native/json, compiled into this module too. Its sources are included instead of
// listed twice in setup.py, where two modules that are built at the same time would write one object file.
#include "json/numbers.cpp"
#include "json/reader.cpp"
