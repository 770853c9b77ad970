// The CUDA kernels of mdfa: everything a training step needs beside cuBLAS's matrix
// products. `make ptx` compiles this file to gpu/cuda/kernels.ptx, and the typed Go
// wrappers in gpu/cuda/kernels are generated from the signatures, structs and constants
// below. gpu/ops.go holds the formulas that each kernel implements, gpu/cuda/kernels/doc.go
// says which kernels and matrix products make up an operation.
//
// Conventions
//   - Matrices are row-major and contiguous, images NHWC.
//   - Every count is an int of at most MAX_ELEMENTS, so that a grid-stride index cannot
//     overflow; only the data set is larger, and its offsets are 64 bits wide.
//   - No atomics, and every sum has a fixed order: the same launch gives the same bits.
//   - `width` is 4 where each row length is a multiple of 4 and each pointer is aligned to
//     16 bytes (bytes: 4), else 1. It is the same for all threads, and so is the result.
//   - NaN is never swallowed: comparisons are written so that it passes through.
//   - "Bytes" in a header counts global memory, per element unless it says otherwise.

typedef unsigned char uint8;

// Shared with the launcher, which gets them as Go constants. Enumerators take no memory.
enum : int {
    BLOCK = 256,                // threads of a block, where nothing else is said
    LOSS_BLOCK = 1024,          // threads of the loss kernels where one block does all
    LOSS_SPLIT_BLOCK = 128,     // threads of a block of theirs where there are more, and of loss_finish
    SUMS_BLOCK = 1024,          // threads of a block of column_sums: 32 columns, 32 rows
    WARP = 32,                  // threads of a warp
    TILE_COLUMNS = 32,          // columns of a block of column_sums
    ROWS_PER_THREAD = 2,        // rows that a thread of feedback works on at once
    MAX_LAYERS = 16,            // hidden layers of one feedback launch
    MAX_DIRECT_LOGITS = 32,     // feedback multiplies E by B itself up to here
    MAX_ELEMENTS = 1073741824,  // 2^30
    NUM_METRICS = 4,            // gpu.NumMetrics: loss, correct, top 5, count
    ACT_TANH = 0,               // gpu.Activation
    ACT_RELU = 1,               // gpu.Activation
    ACT_PL = 2,                 // gpu.Activation
};

#define NAN_F __int_as_float(0x7fc00000)
#define INFINITY_F __int_as_float(0x7f800000)

// ---------------------------------------------------------------------------------------
// Building blocks

// Vec is W consecutive floats, read and written as one access.
template <int W> struct alignas(4 * W) Vec {
    float at[W];
};

template <int W> __device__ Vec<W> load(const float *p, int i) {
    return reinterpret_cast<const Vec<W> *>(p)[i];
}

template <int W> __device__ void store(float *p, int i, Vec<W> v) {
    reinterpret_cast<Vec<W> *>(p)[i] = v;
}

// activate is f(a); NaN stays NaN.
__device__ float activate(int act, float a) {
    if (act == ACT_TANH) return tanhf(a);
    if (act == ACT_RELU) return a < 0.0f ? 0.0f : a;
    return a < -1.0f ? -1.0f : (a > 1.0f ? 1.0f : a);
}

// slope is f'(a), from h = tanh(a) for tanh and from a itself for relu (1 at 0) and pl
// (1 on the closed interval).
__device__ float slope(int act, float v) {
    if (act == ACT_TANH) return 1.0f - v * v;
    if (act == ACT_RELU) return v >= 0.0f ? 1.0f : 0.0f;
    return fabsf(v) <= 1.0f ? 1.0f : 0.0f;
}

// The warp reductions leave the same bits in every lane: the tree is symmetric.
__device__ float warp_sum(float v) {
    for (int d = WARP / 2; d > 0; d /= 2) v += __shfl_xor_sync(0xffffffffu, v, d);
    return v;
}

__device__ int warp_sum(int v) {
    for (int d = WARP / 2; d > 0; d /= 2) v += __shfl_xor_sync(0xffffffffu, v, d);
    return v;
}

__device__ double warp_sum(double v) {
    for (int d = WARP / 2; d > 0; d /= 2) v += __shfl_xor_sync(0xffffffffu, v, d);
    return v;
}

__device__ float warp_max(float v) {
    for (int d = WARP / 2; d > 0; d /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, d));
    return v;
}

// sum_lanes ends a column sum: thread (x, y) brings the W sums of its rows for its columns,
// and sums[c] becomes their sum in the order of y, for the c < limit of the block's columns.
// `shared` holds one float per thread and column of it.
template <int W> __device__ void sum_lanes(float *shared, Vec<W> mine, float *sums, int limit) {
    int columns = blockDim.x * W;
    int thread = threadIdx.y * blockDim.x + threadIdx.x;
    store<W>(shared, thread, mine);
    __syncthreads();
    for (int c = thread; c < columns && c < limit; c += blockDim.x * blockDim.y) {
        float sum = 0.0f;
        for (int lane = 0; lane < blockDim.y; lane++) sum += shared[lane * columns + c];
        sums[c] = sum;
    }
}

// ---------------------------------------------------------------------------------------
// gather: X[i, :] = scale · data[r, :] and Y[i] = labels[r], where r = order[cursor·batch + i]
// or, without an order, cursor·batch + i. A row outside the data set, or a position outside
// the order, gives zeros and the label -1.
//
// Launch: BLOCK threads; grid x over the features / width, y over the batch.
// Bytes: reads 1, writes 4; per example 12 more.
template <int W>
__device__ void gather_row(float *x, const uint8 *data, int features, float scale, bool inside) {
    struct alignas(W) Bytes {
        uint8 at[W];
    };
    const Bytes *from = reinterpret_cast<const Bytes *>(data);
    for (int j = blockIdx.x * blockDim.x + threadIdx.x; j < features / W; j += gridDim.x * blockDim.x) {
        Vec<W> out;
        Bytes in = {};
        if (inside) in = from[j];
#pragma unroll
        for (int k = 0; k < W; k++) out.at[k] = scale * float(in.at[k]);
        store<W>(x, j, out);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
gather(float *__restrict__ x, int *__restrict__ y, const uint8 *__restrict__ data,
       const int *__restrict__ labels, const int *__restrict__ order, const int *__restrict__ cursor,
       int batch, int features, int rows, int order_len, float scale, int width) {
    for (int i = blockIdx.y; i < batch; i += gridDim.y) {
        long long row = (long long)cursor[0] * batch + i;
        if (order) row = row >= 0 && row < order_len ? order[row] : -1;
        bool inside = row >= 0 && row < rows;
        const uint8 *from = data + (inside ? row * features : 0);
        float *to = x + (long long)i * features;
        if (width == 4)
            gather_row<4>(to, from, features, scale, inside);
        else
            gather_row<1>(to, from, features, scale, inside);
        if (blockIdx.x == 0 && threadIdx.x == 0) y[i] = inside ? labels[row] : -1;
    }
}

// ---------------------------------------------------------------------------------------
// bias_tanh: h = tanh(h + b), in place, b added to every row of h [rows, cols].
// bias_relu, bias_pl: pre = pre + b in place, h = f(pre).
//
// Launch: BLOCK threads; grid x over rows · cols / width.
// Bytes: bias_tanh reads 4, writes 4; the others read 4, write 8; and 4 · cols once.
template <int W, int ACT>
__device__ void bias_activation(float *pre, float *h, const float *b, int rows, int cols) {
    int n = rows * cols / W, row = cols / W;
    int stride = gridDim.x * blockDim.x;
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int column = i % row, advance = stride % row;
    for (; i < n; i += stride) {
        Vec<W> a = load<W>(pre, i), bias = load<W>(b, column);
#pragma unroll
        for (int k = 0; k < W; k++) a.at[k] += bias.at[k];
        if (ACT != ACT_TANH) store<W>(pre, i, a);
#pragma unroll
        for (int k = 0; k < W; k++) a.at[k] = activate(ACT, a.at[k]);
        store<W>(h, i, a);
        column += advance;
        if (column >= row) column -= row;
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
bias_tanh(float *h, const float *__restrict__ b, int rows, int cols, int width) {
    if (width == 4)
        bias_activation<4, ACT_TANH>(h, h, b, rows, cols);
    else
        bias_activation<1, ACT_TANH>(h, h, b, rows, cols);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
bias_relu(float *__restrict__ pre, float *__restrict__ h, const float *__restrict__ b, int rows, int cols, int width) {
    if (width == 4)
        bias_activation<4, ACT_RELU>(pre, h, b, rows, cols);
    else
        bias_activation<1, ACT_RELU>(pre, h, b, rows, cols);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
bias_pl(float *__restrict__ pre, float *__restrict__ h, const float *__restrict__ b, int rows, int cols, int width) {
    if (width == 4)
        bias_activation<4, ACT_PL>(pre, h, b, rows, cols);
    else
        bias_activation<1, ACT_PL>(pre, h, b, rows, cols);
}

// ---------------------------------------------------------------------------------------
// im2col: patches[n, y, x, i, j, c] = image[n, stride·y + i, stride·x + j, c] for `images`
// images of in_h × in_w × channels. For fixed i the run over (j, c) is contiguous in both.
//
// Launch: block x over the columns of a patch / width, block y over x, at most BLOCK threads;
// grid x over out_w / block y, y over images · out_h.
// Bytes: reads 4, writes 4 per element of the patches.
template <int W>
__device__ void im2col_lines(const float *image, float *patches, int images, int in_h, int in_w, int channels,
                             int kernel, int stride, int out_h, int out_w) {
    int run = kernel * channels / W, line = in_w * channels / W, step = stride * channels / W;
    int patch = kernel * run;
    for (int col = threadIdx.x; col < patch; col += blockDim.x) {
        int i = col / run;
        int inside = i * line + (col - i * run);
        for (int out = blockIdx.y; out < images * out_h; out += gridDim.y) {
            int n = out / out_h, y = out - n * out_h;
            int from = (n * in_h + y * stride) * line + inside;
            int to = out * out_w * patch + col;
            for (int x = blockIdx.x * blockDim.y + threadIdx.y; x < out_w; x += gridDim.x * blockDim.y)
                store<W>(patches, to + x * patch, load<W>(image, from + x * step));
        }
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
im2col(const float *__restrict__ image, float *__restrict__ patches, int images, int in_h, int in_w, int channels,
       int kernel, int stride, int out_h, int out_w, int width) {
    if (width == 4)
        im2col_lines<4>(image, patches, images, in_h, in_w, channels, kernel, stride, out_h, out_w);
    else
        im2col_lines<1>(image, patches, images, in_h, in_w, channels, kernel, stride, out_h, out_w);
}

// ---------------------------------------------------------------------------------------
// col2im: dx[n, u, v, c] = f'(a[n, u, v, c]) · sum over all (y, i), (x, j) with
// u = stride·y + i and v = stride·x + j of patches[n, y, x, i, j, c]; no such pair gives 0.
// `below` is what f' reads: h for tanh, the preactivation otherwise.
// sums[block, c] is the sum of the block's dx; column_sums makes the bias gradient of them.
//
// Launch: block x over the channels / width, block y over positions, at most BLOCK threads;
// grid x over images · in_h · in_w / rows_per_block, y over the channels.
// Bytes: reads 4 per element of the patches that a window covers and 4 per element of dx,
// writes 4 per element of dx and 4 · channels per block.
template <int W>
__device__ void col2im_rows(float *shared, const float *patches, const float *below, float *dx, float *sums,
                            int images, int in_h, int in_w, int channels, int kernel, int stride, int out_h,
                            int out_w, int rows_per_block, int act) {
    int c = blockIdx.y * blockDim.x + threadIdx.x, depth = channels / W;
    int last = min(images * in_h * in_w, (int)(blockIdx.x + 1) * rows_per_block);
    Vec<W> total = {};
    if (c < depth) {
        for (int row = blockIdx.x * rows_per_block + threadIdx.y; row < last; row += blockDim.y) {
            int line = row / in_w, v = row - line * in_w;
            int n = line / in_h, u = line - n * in_h;
            int first_y = u < kernel ? 0 : (u - kernel + stride) / stride, last_y = min(out_h - 1, u / stride);
            int first_x = v < kernel ? 0 : (v - kernel + stride) / stride, last_x = min(out_w - 1, v / stride);
            Vec<W> sum = {};
            for (int y = first_y; y <= last_y; y++) {
                for (int x = first_x; x <= last_x; x++) {
                    int patch = (n * out_h + y) * out_w + x;
                    int at = (u - y * stride) * kernel + (v - x * stride);
                    Vec<W> p = load<W>(patches, (patch * kernel * kernel + at) * depth + c);
#pragma unroll
                    for (int k = 0; k < W; k++) sum.at[k] += p.at[k];
                }
            }
            Vec<W> a = load<W>(below, row * depth + c);
#pragma unroll
            for (int k = 0; k < W; k++) {
                sum.at[k] *= slope(act, a.at[k]);
                total.at[k] += sum.at[k];
            }
            store<W>(dx, row * depth + c, sum);
        }
    }
    int first = blockIdx.y * blockDim.x * W;
    sum_lanes<W>(shared, total, sums + blockIdx.x * channels + first, channels - first);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
col2im(const float *__restrict__ patches, const float *__restrict__ below, float *__restrict__ dx,
       float *__restrict__ sums, int images, int in_h, int in_w, int channels, int kernel, int stride, int out_h,
       int out_w, int rows_per_block, int act, int width) {
    __shared__ alignas(16) float shared[BLOCK * 4];
    if (width == 4)
        col2im_rows<4>(shared, patches, below, dx, sums, images, in_h, in_w, channels, kernel, stride, out_h, out_w,
                       rows_per_block, act);
    else
        col2im_rows<1>(shared, patches, below, dx, sums, images, in_h, in_w, channels, kernel, stride, out_h, out_w,
                       rows_per_block, act);
}

// ---------------------------------------------------------------------------------------
// feedback: for every hidden layer l, delta_l = (E · B_l) ⊙ f'(a_l) for at most
// MAX_DIRECT_LOGITS logits; one logit is the outer product of E and B.
// times_slope: delta_l = raw_l ⊙ f'(a_l), where raw [batch, columns] is E · B from cuBLAS, or
// the error behind one layer, then in place (raw and delta the same).
// Both: sums_l[chunk, j] is the sum of delta_l[:, j] over the rows of the block's chunk: the
// bias gradient itself where one chunk holds the whole batch and every element of the layer
// has a bias of its own, else column_sums makes it.
//
// Launch: block x · width columns, block y rows, BLOCK threads; grid x over all tiles (a tile
// is a block's columns within one layer), y over chunks of rows_per_block rows. feedback
// needs feedback_shared bytes of dynamic shared memory: 4 · logits · (block x · width +
// ROWS_PER_THREAD · block y).
// Bytes: feedback reads 4, writes 4, times_slope reads 8, writes 4; feedback reads 4 · logits
// per column and chunk and 4 · logits per row and tile more; both write 4 per column and chunk.
struct DeltaLayer {
    const float *below;  // what f' reads, [batch, size]: h for tanh, the preactivation otherwise
    float *delta;        // [batch, size]
    float *sums;         // [chunks, size]
    int size;            // elements per example
    int column;          // where the layer's columns begin in B or raw
    int act;             // gpu.Activation
    int first_tile;      // the layer's first block in x
};

struct DeltaArgs {
    const float *e;    // [batch, logits], feedback only
    const float *from; // B [logits, columns] or raw [batch, columns]
    int batch;
    int logits;
    int columns;
    int layers;
    int rows_per_block;
    int width;
    DeltaLayer layer[MAX_LAYERS];
};

// layer_of is the layer that the block's tile belongs to.
__device__ DeltaLayer layer_of(const DeltaArgs &args) {
    int l = 0;
    while (l + 1 < args.layers && (int)blockIdx.x >= args.layer[l + 1].first_tile) l++;
    return args.layer[l];
}

template <int W> __device__ void feedback_tile(float *shared, float *tile, const DeltaArgs &args) {
    DeltaLayer layer = layer_of(args);
    int columns = blockDim.x * W, thread = threadIdx.y * blockDim.x + threadIdx.x;
    int first = (blockIdx.x - layer.first_tile) * columns;  // within the layer
    int limit = min(columns, layer.size - first);
    int group = ROWS_PER_THREAD * blockDim.y;
    int logits = args.logits;
    float *b = tile, *e = tile + logits * columns;  // b [logits, columns], e [group, logits]

    bool active = threadIdx.x * W < limit;
    for (int k = threadIdx.y; k < logits && active; k += blockDim.y)
        store<W>(b, k * blockDim.x + threadIdx.x,
                 load<W>(args.from + k * args.columns + layer.column + first, threadIdx.x));

    Vec<W> total = {};
    int last = min(args.batch, (int)(blockIdx.y + 1) * args.rows_per_block);
    for (int row = blockIdx.y * args.rows_per_block; row < last; row += group) {
        __syncthreads();
        for (int i = thread; i < group * logits; i += blockDim.x * blockDim.y)
            e[i] = i < (last - row) * logits ? args.e[row * logits + i] : 0.0f;
        __syncthreads();
        if (!active) continue;
        Vec<W> sum[ROWS_PER_THREAD] = {};
        for (int k = 0; k < logits; k++) {
            Vec<W> column = load<W>(b, k * blockDim.x + threadIdx.x);
#pragma unroll
            for (int r = 0; r < ROWS_PER_THREAD; r++) {
                float error = e[(r * blockDim.y + threadIdx.y) * logits + k];
#pragma unroll
                for (int j = 0; j < W; j++) sum[r].at[j] += error * column.at[j];
            }
        }
#pragma unroll
        for (int r = 0; r < ROWS_PER_THREAD; r++) {
            int mine = row + r * blockDim.y + threadIdx.y;
            if (mine >= last) continue;
            int at = mine * (layer.size / W) + first / W + threadIdx.x;
            Vec<W> a = load<W>(layer.below, at);
#pragma unroll
            for (int j = 0; j < W; j++) {
                sum[r].at[j] *= slope(layer.act, a.at[j]);
                total.at[j] += sum[r].at[j];
            }
            store<W>(layer.delta, at, sum[r]);
        }
    }
    sum_lanes<W>(shared, total, layer.sums + blockIdx.y * layer.size + first, limit);
}

extern "C" __global__ void __launch_bounds__(BLOCK) feedback(DeltaArgs args) {
    extern __shared__ float4 dynamic[];
    __shared__ alignas(16) float shared[BLOCK * 4];
    float *tile = reinterpret_cast<float *>(dynamic);
    if (args.width == 4)
        feedback_tile<4>(shared, tile, args);
    else
        feedback_tile<1>(shared, tile, args);
}

template <int W> __device__ void slope_tile(float *shared, const DeltaArgs &args) {
    DeltaLayer layer = layer_of(args);
    int columns = blockDim.x * W;
    int first = (blockIdx.x - layer.first_tile) * columns;
    int limit = min(columns, layer.size - first);
    Vec<W> total = {};
    if (threadIdx.x * W < limit) {
        int last = min(args.batch, (int)(blockIdx.y + 1) * args.rows_per_block);
        for (int row = blockIdx.y * args.rows_per_block + threadIdx.y; row < last; row += blockDim.y) {
            Vec<W> d = load<W>(args.from, (row * args.columns + layer.column + first) / W + threadIdx.x);
            int at = row * (layer.size / W) + first / W + threadIdx.x;
            Vec<W> a = load<W>(layer.below, at);
#pragma unroll
            for (int j = 0; j < W; j++) {
                d.at[j] *= slope(layer.act, a.at[j]);
                total.at[j] += d.at[j];
            }
            store<W>(layer.delta, at, d);
        }
    }
    sum_lanes<W>(shared, total, layer.sums + blockIdx.y * layer.size + first, limit);
}

extern "C" __global__ void __launch_bounds__(BLOCK) times_slope(DeltaArgs args) {
    __shared__ alignas(16) float shared[BLOCK * 4];
    if (args.width == 4)
        slope_tile<4>(shared, args);
    else
        slope_tile<1>(shared, args);
}

// ---------------------------------------------------------------------------------------
// column_sums: out[c] = sum over r of in[r, c], for up to MAX_LAYERS matrices at once: the
// second stage of the bias gradients, and that of the logit layer where the loss ran on many
// blocks. A thread sums every 32nd row, then the 32 sums of a column are added in order.
//
// Launch: block x TILE_COLUMNS columns, block y SUMS_BLOCK / TILE_COLUMNS rows; grid x over all
// tiles of TILE_COLUMNS columns.
// Bytes: reads 4 per element of in, writes 4 per element of out.
struct ColumnSumsMatrix {
    const float *in;  // [rows, cols]
    float *out;       // [cols]
    int rows;
    int cols;
    int first_tile;  // the matrix's first block
    int unused;      // keeps the size a multiple of 8 bytes on every compiler
};

struct ColumnSumsArgs {
    int matrices;
    int unused;
    ColumnSumsMatrix matrix[MAX_LAYERS];
};

// sum_tile sums the column `column` of in [rows, cols] into out, by a block of
// TILE_COLUMNS × (SUMS_BLOCK / TILE_COLUMNS) threads with its shared memory.
__device__ void sum_tile(float *shared, const float *in, float *out, int rows, int cols, int first, int x, int y) {
    constexpr int LANES = SUMS_BLOCK / TILE_COLUMNS;
    float sum = 0.0f;
    if (first + x < cols)
        for (int row = y; row < rows; row += LANES) sum += in[row * cols + first + x];
    shared[y * TILE_COLUMNS + x] = sum;
    __syncthreads();
    if (y == 0 && first + x < cols) {
        sum = 0.0f;
        for (int lane = 0; lane < LANES; lane++) sum += shared[lane * TILE_COLUMNS + x];
        out[first + x] = sum;
    }
}

extern "C" __global__ void __launch_bounds__(SUMS_BLOCK) column_sums(ColumnSumsArgs args) {
    __shared__ float shared[SUMS_BLOCK];
    int l = 0;
    while (l + 1 < args.matrices && (int)blockIdx.x >= args.matrix[l + 1].first_tile) l++;
    ColumnSumsMatrix m = args.matrix[l];
    sum_tile(shared, m.in, m.out, m.rows, m.cols, (blockIdx.x - m.first_tile) * TILE_COLUMNS, threadIdx.x, threadIdx.y);
}

// ---------------------------------------------------------------------------------------
// The loss kernels: a = logits + bias, written back; E, if not null, is the scaled error, and
// bias_grad its column sum; the sums of loss, correct, top 5 and count are added to metrics;
// then every one of the `steps` counters is raised by one.
//
// Launch: one block of LOSS_BLOCK threads does all of this. Of several, of LOSS_SPLIT_BLOCK
// threads each, block b leaves its four sums in partial[b], and loss_finish and column_sums
// do the rest.
// Bytes: reads 4 (again 8 from cache), writes 4 and 4 for E; 4 per example for the label;
// with one block 4 for the column sum of E.

// finish_metrics adds the sums of the whole batch, and raises the counters.
__device__ void finish_metrics(double *metrics, int *step, int steps, const double *sums) {
    if (threadIdx.x < NUM_METRICS) metrics[threadIdx.x] += sums[threadIdx.x];
    for (int i = threadIdx.x; i < steps; i += blockDim.x) step[i] += 1;
}

// block_metrics sums what every thread found: in each warp a tree, then the warps in order.
// All threads get the result in `sums`, which lies in shared memory.
__device__ void block_metrics(double *sums, double loss, int correct, int top5, int count) {
    __shared__ double of_warp[NUM_METRICS][LOSS_BLOCK / WARP];
    int warp = threadIdx.x / WARP;
    loss = warp_sum(loss);
    correct = warp_sum(correct);
    top5 = warp_sum(top5);
    count = warp_sum(count);
    if (threadIdx.x % WARP == 0) {
        of_warp[0][warp] = loss;
        of_warp[1][warp] = correct;
        of_warp[2][warp] = top5;
        of_warp[3][warp] = count;
    }
    __syncthreads();
    if (threadIdx.x < NUM_METRICS) {
        double sum = 0.0;
        for (int w = 0; w < blockDim.x / WARP; w++) sum += of_warp[threadIdx.x][w];
        sums[threadIdx.x] = sum;
    }
    __syncthreads();
}

// end_loss is the common end of the loss kernels.
__device__ void end_loss(const float *e, float *bias_grad, double *metrics, int *step, double *partial,
                         int rows, int cols, int steps, const double *sums) {
    __shared__ float shared[SUMS_BLOCK];
    if (gridDim.x > 1) {
        if (threadIdx.x < NUM_METRICS) partial[blockIdx.x * NUM_METRICS + threadIdx.x] = sums[threadIdx.x];
        return;
    }
    finish_metrics(metrics, step, steps, sums);
    if (!e) return;
    for (int first = 0; first < cols; first += TILE_COLUMNS) {
        sum_tile(shared, e, bias_grad, rows, cols, first, threadIdx.x % TILE_COLUMNS, threadIdx.x / TILE_COLUMNS);
        __syncthreads();
    }
}

// loss_sigmoid: one logit a per example and the label y, 0 or 1.
//
//   loss = max(a, 0) - a·y + log(1 + exp(-|a|))     E = scale · (sigmoid(a) - y)
//
// The prediction is class 1 where a > 0, and wrong where a is NaN; of two classes each is among the five best.
// A thread takes a row.
extern "C" __global__ void __launch_bounds__(LOSS_BLOCK, 1)
loss_sigmoid(float *logits, const float *__restrict__ bias, const int *__restrict__ labels, float *e,
             float *bias_grad, double *metrics, int *step, double *partial, int rows, int steps, float scale) {
    __shared__ double sums[NUM_METRICS];
    double loss = 0.0;
    int correct = 0, top5 = 0, count = 0;
    for (int row = blockIdx.x * blockDim.x + threadIdx.x; row < rows; row += gridDim.x * blockDim.x) {
        float a = logits[row] + bias[0];
        int label = labels[row];
        bool valid = label == 0 || label == 1;
        float y = valid ? float(label) : NAN_F;
        float z = expf(-fabsf(a));  // at most 1: no overflow on either side
        float positive = a < 0.0f ? 0.0f : a;
        logits[row] = a;
        if (e) e[row] = scale * ((a >= 0.0f ? 1.0f : z) / (1.0f + z) - y);
        loss += positive - a * y + log1pf(z);
        correct += valid && a == a && (a > 0.0f) == (label == 1);
        top5 += valid;
        count++;
    }
    block_metrics(sums, loss, correct, top5, count);
    end_loss(e, bias_grad, metrics, step, partial, rows, 1, steps, sums);
}

// loss_softmax: `cols` logits per example.
//
//   loss = log Σ exp(a) - a[y]     E = scale · (softmax(a) - onehot(y))
//
// both shifted by the largest logit. The rank of the true class is the number of other classes
// with a larger logit, or an equal one of a lower index; NaN counts as larger, also beside
// NaN. Rank 0 is correct, below 5 in the top five. A warp takes a row.
extern "C" __global__ void __launch_bounds__(LOSS_BLOCK, 1)
loss_softmax(float *logits, const float *__restrict__ bias, const int *__restrict__ labels, float *e,
             float *bias_grad, double *metrics, int *step, double *partial, int rows, int cols, int steps,
             float scale) {
    __shared__ double sums[NUM_METRICS];
    int lane = threadIdx.x % WARP, warps = blockDim.x / WARP;
    double loss = 0.0;
    int correct = 0, top5 = 0, count = 0;
    for (int row = blockIdx.x * warps + threadIdx.x / WARP; row < rows; row += gridDim.x * warps) {
        float *a = logits + row * cols;
        int label = labels[row];
        bool valid = label >= 0 && label < cols;
        float top = -INFINITY_F, target = 0.0f;
        for (int k = lane; k < cols; k += WARP) {
            float v = a[k] + bias[k];
            a[k] = v;
            top = fmaxf(top, v);
            if (k == label) target = v;
        }
        top = warp_max(top);
        target = valid ? warp_sum(target) : NAN_F;  // all lanes but one hold 0
        float sum = 0.0f;
        int rank = 0;
        for (int k = lane; k < cols; k += WARP) {
            float v = a[k];
            sum += expf(v - top);
            rank += k != label && !(v < target || (v == target && k > label));
        }
        sum = warp_sum(sum);
        rank = warp_sum(rank);
        if (e)
            for (int k = lane; k < cols; k += WARP) {
                float p = expf(a[k] - top) / sum - (k == label ? 1.0f : 0.0f);
                e[row * cols + k] = valid ? scale * p : NAN_F;
            }
        if (lane == 0) {
            loss += top - target + logf(sum);
            correct += valid && rank == 0;
            top5 += valid && rank < 5;
            count++;
        }
    }
    block_metrics(sums, loss, correct, top5, count);
    end_loss(e, bias_grad, metrics, step, partial, rows, cols, steps, sums);
}

// loss_finish adds the sums that `blocks` blocks left in partial to metrics and raises the
// counters. Warp m sums metric m: each lane every 32nd block, then a tree.
//
// Launch: one block of LOSS_SPLIT_BLOCK threads, a warp for each metric.
// Bytes: reads 32 per block.
extern "C" __global__ void __launch_bounds__(LOSS_SPLIT_BLOCK)
loss_finish(const double *__restrict__ partial, double *metrics, int *step, int blocks, int steps) {
    int lane = threadIdx.x % WARP, metric = threadIdx.x / WARP;
    double sum = 0.0;
    for (int b = lane; b < blocks; b += WARP) sum += partial[b * NUM_METRICS + metric];
    sum = warp_sum(sum);
    if (lane == 0) metrics[metric] += sum;
    for (int i = threadIdx.x; i < steps; i += blockDim.x) step[i] += 1;
}

// ---------------------------------------------------------------------------------------
// The optimizers: g = G + l2·w, the update, then w = max(w, floor) for the elements
// [clamp_from, clamp_to) of the arena. NaN stays NaN.
//
//   sgd      w -= lr·g
//   rmsprop  s = 0.9·s + 0.1·g²      w -= lr·g / sqrt(s + 1e-10)
//   adam     m = 0.9·m + 0.1·g       v = 0.999·v + 0.001·g²
//            w -= lr·sqrt(1 - 0.999^t)/(1 - 0.9^t) · m / (sqrt(v) + 1e-8)      t = step[0]
//
// Launch: BLOCK threads; grid x over n / width.
// Bytes: sgd reads 8, writes 4; rmsprop 12 and 8; adam 16 and 12.
#define RMSPROP_DECAY 0.9f
#define RMSPROP_FRESH 0.1f
#define RMSPROP_EPSILON 1e-10f
#define ADAM_DECAY_1 0.9f
#define ADAM_FRESH_1 0.1f
#define ADAM_DECAY_2 0.999f
#define ADAM_FRESH_2 0.001f
#define ADAM_EPSILON 1e-8f
#define LOG_ADAM_DECAY_1 -0.105360515657826301f    // ln 0.9
#define LOG_ADAM_DECAY_2 -0.00100050033358353350f  // ln 0.999

// Floor is the constraint on the arena.
struct Floor {
    int from, to;
    float value;
    __device__ float apply(int i, float w) const { return i >= from && i < to && w < value ? value : w; }
};

template <int W>
__device__ void sgd_range(float *w, const float *g, int first, int n, float lr, float l2, Floor floor) {
    for (int i = first + blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        Vec<W> weight = load<W>(w, i), grad = load<W>(g, i);
#pragma unroll
        for (int k = 0; k < W; k++) {
            float d = grad.at[k] + l2 * weight.at[k];
            weight.at[k] = floor.apply(i * W + k, weight.at[k] - lr * d);
        }
        store<W>(w, i, weight);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
sgd(float *__restrict__ w, const float *__restrict__ g, int n, float lr, float l2, int clamp_from, int clamp_to,
    float floor, int width) {
    Floor limit = {clamp_from, clamp_to, floor};
    int done = 0;
    if (width == 4) {
        sgd_range<4>(w, g, 0, n / 4, lr, l2, limit);
        done = n / 4 * 4;
    }
    sgd_range<1>(w, g, done, n, lr, l2, limit);
}

template <int W>
__device__ void rmsprop_range(float *w, const float *g, float *s, int first, int n, float lr, float l2, Floor floor) {
    for (int i = first + blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        Vec<W> weight = load<W>(w, i), grad = load<W>(g, i), state = load<W>(s, i);
#pragma unroll
        for (int k = 0; k < W; k++) {
            float d = grad.at[k] + l2 * weight.at[k];
            state.at[k] = RMSPROP_DECAY * state.at[k] + RMSPROP_FRESH * (d * d);
            float next = weight.at[k] - lr * d / sqrtf(state.at[k] + RMSPROP_EPSILON);
            weight.at[k] = floor.apply(i * W + k, next);
        }
        store<W>(s, i, state);
        store<W>(w, i, weight);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
rmsprop(float *__restrict__ w, const float *__restrict__ g, float *__restrict__ s, int n, float lr, float l2,
        int clamp_from, int clamp_to, float floor, int width) {
    Floor limit = {clamp_from, clamp_to, floor};
    int done = 0;
    if (width == 4) {
        rmsprop_range<4>(w, g, s, 0, n / 4, lr, l2, limit);
        done = n / 4 * 4;
    }
    rmsprop_range<1>(w, g, s, done, n, lr, l2, limit);
}

template <int W>
__device__ void adam_range(float *w, const float *g, float *m, float *v, int first, int n, float rate, float l2,
                           Floor floor) {
    for (int i = first + blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        Vec<W> weight = load<W>(w, i), grad = load<W>(g, i), mean = load<W>(m, i), square = load<W>(v, i);
#pragma unroll
        for (int k = 0; k < W; k++) {
            float d = grad.at[k] + l2 * weight.at[k];
            mean.at[k] = ADAM_DECAY_1 * mean.at[k] + ADAM_FRESH_1 * d;
            square.at[k] = ADAM_DECAY_2 * square.at[k] + ADAM_FRESH_2 * (d * d);
            float next = weight.at[k] - rate * mean.at[k] / (sqrtf(square.at[k]) + ADAM_EPSILON);
            weight.at[k] = floor.apply(i * W + k, next);
        }
        store<W>(m, i, mean);
        store<W>(v, i, square);
        store<W>(w, i, weight);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
adam(float *__restrict__ w, const float *__restrict__ g, float *__restrict__ m, float *__restrict__ v,
     const int *__restrict__ step, int n, float lr, float l2, int clamp_from, int clamp_to, float floor, int width) {
    Floor limit = {clamp_from, clamp_to, floor};
    float t = float(step[0]);
    // 1 - decay^t as -expm1(t · ln decay): the difference itself would lose all but four digits at t = 1.
    float rate = lr * sqrtf(-expm1f(t * LOG_ADAM_DECAY_2)) / -expm1f(t * LOG_ADAM_DECAY_1);
    int done = 0;
    if (width == 4) {
        adam_range<4>(w, g, m, v, 0, n / 4, rate, l2, limit);
        done = n / 4 * 4;
    }
    adam_range<1>(w, g, m, v, done, n, rate, l2, limit);
}
