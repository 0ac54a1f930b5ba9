#pragma once

#include "ntt/core/api.h"
#include "ntt/io/npz.h"
#include "ntt/nn/network_file.h"

namespace ntt {

/// A network as arrays for NumPy: each parameter under its name (float32, pruned entries 0), `<layer>.weight_mask`
/// (uint8) of each masked weight, and `metadata`, the file's metadata as the UTF-8 bytes of a JSON object.
NTT_API NamedArrays dense_arrays(const NetworkFile& file);

/// The same with each weight as a compressed sparse row matrix [out, in] or [out, in * kh * kw]: `<layer>.weight.data`
/// (float32), `.indices` and `.indptr` (int32, or int64 where more than 2^31 entries are kept), `.shape` (int64, [2])
/// and `.dense_shape` (int64, PyTorch's). What scipy.sparse.csr_matrix((data, indices, indptr), shape) takes.
NTT_API NamedArrays csr_arrays(const NetworkFile& file);

}  // namespace ntt
