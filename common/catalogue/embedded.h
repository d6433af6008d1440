// Texts that are built into the programs, so that they need no file beside them.
#pragma once

namespace plateau {

const char* embedded_catalogue();      // catalogue.json
const char* embedded_fetch_script();   // common/build/fetch_wheel.py
const char* embedded_unpack_script();  // unpack_wheel.py

}  // namespace plateau
