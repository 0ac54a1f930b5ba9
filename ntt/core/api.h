#pragma once

/// Marks what users of the library may call; everything else stays inside it.
#define NTT_API __attribute__((visibility("default")))
