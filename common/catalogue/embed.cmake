# cmake -DOUT=... -DSOURCE=... -DCATALOGUE=... -DFETCH=... -DUNPACK=... -P embed.cmake
file(READ "${CATALOGUE}" catalogue_text)
file(READ "${FETCH}" fetch_text)
file(READ "${UNPACK}" unpack_text)
configure_file("${SOURCE}" "${OUT}" @ONLY)
