// The translation unit behind the shared precompiled header; holds nothing else.
