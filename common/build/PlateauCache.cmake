# PLATEAU_CACHE_FOLDER: where the launcher keeps what it fetched, by the same rule.
if(DEFINED ENV{PLATEAU_CACHE})
  set(PLATEAU_CACHE_FOLDER "$ENV{PLATEAU_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(PLATEAU_CACHE_FOLDER "$ENV{XDG_CACHE_HOME}/plateau")
else()
  set(PLATEAU_CACHE_FOLDER "$ENV{HOME}/.cache/plateau")
endif()
