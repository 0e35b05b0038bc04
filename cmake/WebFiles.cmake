# The web panel's files, linked into provisioning-panel. `./dev build` makes them; where there are none, the panel says so.
set(PROV_WEB_DIST "$ENV{PROV_WEB_DIST}" CACHE PATH "pages that are built already; empty: web/dist, as ./dev build makes it")

function(prov_web_files program)
  set(dist ${PROV_WEB_DIST})
  if(NOT dist)
    set(dist ${CMAKE_SOURCE_DIR}/web/dist)
  elseif(NOT EXISTS ${dist}/index.html)
    message(FATAL_ERROR "PROV_WEB_DIST is ${dist}, where there is no index.html: it names what `vite build` has made")
  endif()
  # Every file's name changes with its content, and so does this list; index.html is in it.
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${dist}/*)
  set(source ${CMAKE_BINARY_DIR}/web_files.cpp)
  add_custom_command(OUTPUT ${source}
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/embed_web.py ${dist} ${source}
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_web.py COMMENT "Embedding the web panel")
  # The compiler does not tell which files the assembler read.
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${files}" SKIP_PRECOMPILE_HEADERS ON
    SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(${program} PRIVATE ${source})
endfunction()
