#pragma once

/// Compiles a function once for AVX-512, once for AVX2 and once for any x86-64, chosen when the program starts.
/// Not under the sanitizers: the choice runs before their run time is ready.
#if defined(__GNUC__) && defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define NTT_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define NTT_SIMD
#endif

/// A loop body shared by the clones; it must be inlined to be compiled for each of them.
#define NTT_SIMD_BODY inline __attribute__((always_inline))
