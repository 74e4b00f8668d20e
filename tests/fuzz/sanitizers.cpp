/// Of AddressSanitizer's defaults, half the time goes into stacks of allocations and into memory
/// that is kept from use. ASAN_OPTIONS in the environment goes before these.
extern "C" const char* __asan_default_options() {
    return "malloc_context_size=2:quarantine_size_mb=8";
}
