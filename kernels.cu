// The CUDA kernels of mdfa: every part of a training step except the matrix products,
// which are cuBLAS's. `make ptx` compiles this file to gpu/cuda/kernels.ptx, and the typed
// Go wrappers in gpu/cuda/kernels are generated from the signatures, structs and constants
// below. Package gpu holds the formulas (gpu/ops.go, gpu/activation.go, gpu/optimizer.go);
// gpu/cuda/kernels/doc.go lists the kernels and matrix products of each operation.
//
// Conventions
//   - Matrices are row-major and contiguous, images NHWC.
//   - Every count is an int of at most MAX_ELEMENTS, so that a grid-stride index cannot
//     overflow; only the data set is larger, and its offsets are 64 bits wide.
//   - No atomics, and every sum has a fixed order: the same launch gives the same bits.
//   - `width` is 4 if each row length is a multiple of 4 and each pointer is aligned to
//     16 bytes (bytes: 4), else 1. It is the same for all threads, and the result is the
//     same for both widths.
//   - NaN stays NaN: comparisons are written so that it passes through.
//   - "Bytes" in a header counts global memory, per element unless it says otherwise.

typedef unsigned char uint8;

// Constants that the launcher shares: generated Go code has them, too. Enumerators take no memory.
enum : int {
    BLOCK = 256,                // threads of a block, unless stated otherwise
    LOSS_BLOCK = 1024,          // threads of the loss kernels if one block does all
    LOSS_SPLIT_BLOCK = 128,     // threads of each of their blocks if there are more, and of loss_finish
    SUMS_BLOCK = 1024,          // threads of a block of column_sums: 32 columns, 32 rows
    WARP = 32,                  // threads of a warp
    TILE_COLUMNS = 32,          // columns of a block of column_sums
    ROWS_PER_THREAD = 2,        // rows that a thread of feedback works on at once
    MAX_LAYERS = 16,            // hidden layers of one feedback launch
    MAX_DIRECT_LOGITS = 32,     // feedback multiplies E by a stored B itself up to here
    MAX_ELEMENTS = 1073741824,  // 2^30
    NUM_METRICS = 4,            // gpu.NumMetrics: loss, correct, top 5, count
    NUM_COMPARED = 7,           // gpu.NumCompared: three sums, four counts
    ACT_TANH = 0,               // gpu.Activation
    ACT_RELU = 1,               // gpu.Activation
    ACT_PL = 2,                 // gpu.Activation
    ACT_SIGMOID = 3,            // gpu.Activation
    ACT_LINEAR = 4,             // gpu.Activation
    DRAW_SYMMETRIC = 2,         // gpu.Draw
    DRAW_UNIFORM = 3,           // gpu.Draw
    DRAW_NORMAL = 4,            // gpu.Draw
    DRAW_ABS_NORMAL = 5,        // gpu.Draw
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

// Bytes is W consecutive bytes, read and written as one access.
template <int W> struct alignas(W) Bytes {
    uint8 at[W];
};

// activate returns f(a); NaN stays NaN, and an activation without a formula here gives NaN.
__device__ float activate(int act, float a) {
    if (act == ACT_TANH) return tanhf(a);
    if (act == ACT_RELU) return a < 0.0f ? 0.0f : a;
    if (act == ACT_PL) return a < -1.0f ? -1.0f : (a > 1.0f ? 1.0f : a);
    if (act == ACT_SIGMOID) {
        float small = expf(-fabsf(a));  // at most 1: no overflow on either side
        return (a < 0.0f ? small : 1.0f) / (1.0f + small);
    }
    return act == ACT_LINEAR ? a : NAN_F;
}

// slopes returns f' of W units. `below` holds the values from which f' is computed: h for tanh and
// sigmoid, a for relu (1 at 0) and pl (1 on the closed interval), nothing for linear.
template <int W> __device__ Vec<W> slopes(int act, const float *below, int i) {
    Vec<W> v = {};
    if (act != ACT_LINEAR) v = load<W>(below, i);
    if (act == ACT_TANH)
        for (float &x : v.at) x = 1.0f - x * x;
    else if (act == ACT_RELU)
        for (float &x : v.at) x = x >= 0.0f ? 1.0f : 0.0f;
    else if (act == ACT_PL)
        for (float &x : v.at) x = fabsf(x) <= 1.0f ? 1.0f : 0.0f;
    else if (act == ACT_SIGMOID)
        for (float &x : v.at) x = x * (1.0f - x);
    else
        for (float &x : v.at) x = act == ACT_LINEAR ? 1.0f : NAN_F;
    return v;
}

// philox is Philox4x32-10 (gpu/internal/philox): 128 random bits for each counter and key.
__device__ uint4 philox(uint4 counter, uint2 key) {
    for (int round = 0; round < 10; round++) {
        unsigned high0 = __umulhi(0xD2511F53u, counter.x), low0 = 0xD2511F53u * counter.x;
        unsigned high1 = __umulhi(0xCD9E8D57u, counter.z), low1 = 0xCD9E8D57u * counter.z;
        counter = make_uint4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
        key.x += 0x9E3779B9u;
        key.y += 0xBB67AE85u;
    }
    return counter;
}

// The warp reductions return the same bits in every lane: the tree is symmetric.
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

// sum_lanes ends a column sum: thread (x, y) passes the W sums of its rows for its columns,
// and sums[c] becomes their sum in the order of y, for the c < limit of the block's columns.
// `shared` holds one float for each thread and each of its columns.
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
// The first thread of a block reads the number of the row for the others.
//
// Launch: BLOCK threads; grid x over the features / width, y over the batch.
// Bytes: reads 1, writes 4; per example 8 more, and 8 per block.
template <int W>
__device__ void gather_row(float *x, const uint8 *data, int features, float scale, bool inside) {
    const Bytes<W> *from = reinterpret_cast<const Bytes<W> *>(data);
    for (int j = blockIdx.x * blockDim.x + threadIdx.x; j < features / W; j += gridDim.x * blockDim.x) {
        Vec<W> out;
        Bytes<W> in = {};
        if (inside) in = from[j];
#pragma unroll
        for (int k = 0; k < W; k++) out.at[k] = scale * float(in.at[k]);
        store<W>(x, j, out);
    }
}

// row_of returns the row of the data set for example i of the batch, -1 if there is none.
__device__ long long row_of(const int *order, const int *cursor, int batch, int i, int rows, int order_len) {
    long long row = (long long)cursor[0] * batch + i;
    if (order) row = row >= 0 && row < order_len ? order[row] : -1;
    return row >= 0 && row < rows ? row : -1;
}

extern "C" __global__ void __launch_bounds__(BLOCK)
gather(float *__restrict__ x, int *__restrict__ y, const uint8 *__restrict__ data,
       const int *__restrict__ labels, const int *__restrict__ order, const int *__restrict__ cursor,
       int batch, int features, int rows, int order_len, float scale, int width) {
    __shared__ long long found;  // the row of the data set, -1 if there is none
    for (int i = blockIdx.y; i < batch; i += gridDim.y) {
        if (threadIdx.x == 0) {
            found = row_of(order, cursor, batch, i, rows, order_len);
            if (blockIdx.x == 0) y[i] = found >= 0 ? labels[found] : -1;
        }
        __syncthreads();
        long long row = found;
        bool inside = row >= 0;
        const uint8 *from = data + (inside ? row * features : 0);
        float *to = x + (long long)i * features;
        if (width == 4)
            gather_row<4>(to, from, features, scale, inside);
        else
            gather_row<1>(to, from, features, scale, inside);
        __syncthreads();  // all have read `found`, which the next round overwrites
    }
}

// ---------------------------------------------------------------------------------------
// gather_images: as gather, with rows that are images [height, width, channels]. With means, X is
// (byte - mean[c]) · scales[c] for each channel c, otherwise scale · byte. With a step, image i of
// the batch is moved and mirrored as gpu.Augment says: its draw depends on seed, step and first + i.
//
// The first thread of a block finds the row and draws for the others. An image that is moved is
// read byte by byte, since its lines start anywhere; a warp's bytes still lie side by side. Mean and
// scale of the first BLOCK channels, which are all in an image, are in shared memory.
//
// Launch: as gather.
// Bytes: as gather; 8 per channel and block with means, and 4 per block with a step, more.
struct ImageArgs {
    float *x;            // [batch, features]
    int *y;              // [batch]
    const uint8 *data;   // [rows, features]
    const int *labels;   // [rows]
    const int *order;    // [order_len]; null: rows in their own order
    const int *cursor;   // [1]
    const float *mean;   // [channels]; null: values are scaled alone
    const float *scales; // [channels]
    const int *step;     // [1]; null: no image is moved or mirrored
    int batch;
    int features;
    int rows;
    int order_len;
    int line;     // width · channels
    int channels;
    int shift;
    int flip;
    int seed_low; // the halves of the seed
    int seed_high;
    int first; // place of image 0 in the batch of all ranks
    float scale;
    int width;    // of vectors, see the conventions
};

// Move is how an image is changed.
struct Move {
    int down;
    int right;
    int mirrored;  // or 0
};

__device__ Move draw_move(const ImageArgs &args, int i) {
    uint4 words = philox(make_uint4(args.first + i, args.step[0], 0, 0), make_uint2(args.seed_low, args.seed_high));
    unsigned choices = 2 * args.shift + 1;
    return {(int)__umulhi(words.x, choices) - args.shift, (int)__umulhi(words.y, choices) - args.shift,
            args.flip ? int(words.z >> 31) : 0};
}

__device__ float mean_of(const ImageArgs &args, int c) { return args.mean ? args.mean[c] : 0.0f; }

__device__ float scale_of(const ImageArgs &args, int c) { return args.mean ? args.scales[c] : args.scale; }

template <int W, bool MOVED>
__device__ void image_row(const ImageArgs &args, const float *mean, const float *scales, int i, long long row, Move move) {
    bool inside = row >= 0;
    const uint8 *image = args.data + (inside ? row * args.features : 0);
    float *x = args.x + (long long)i * args.features;
    for (int j = blockIdx.x * blockDim.x + threadIdx.x; j < args.features / W; j += gridDim.x * blockDim.x) {
        int v = j * W / args.line, at = j * W - v * args.line;  // the line, and where in it
        int u = at / args.channels, c = at - u * args.channels;
        Bytes<W> in = {};
        if (!MOVED && inside) in = reinterpret_cast<const Bytes<W> *>(image)[j];
        Vec<W> out;
#pragma unroll
        for (int k = 0; k < W; k++) {
            if (MOVED) {
                int from_v = v + move.down, from_u = (move.mirrored ? args.line / args.channels - 1 - u : u) + move.right;
                int from = from_u * args.channels;
                if (inside && from_v >= 0 && from_v < args.features / args.line && from >= 0 && from < args.line)
                    in.at[k] = image[from_v * args.line + from + c];
            }
            float m = c < BLOCK ? mean[c] : mean_of(args, c), scale = c < BLOCK ? scales[c] : scale_of(args, c);
            out.at[k] = inside ? (float(in.at[k]) - m) * scale : 0.0f;
            if (++c < args.channels) continue;
            c = 0;
            if (++u * args.channels < args.line) continue;
            u = 0;
            v++;
        }
        store<W>(x, j, out);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK) gather_images(ImageArgs args) {
    __shared__ long long found;  // the row of the data set, -1 if there is none
    __shared__ Move move;
    __shared__ float mean[BLOCK], scales[BLOCK];  // of the first channels
    if (threadIdx.x < args.channels) {
        mean[threadIdx.x] = mean_of(args, threadIdx.x);
        scales[threadIdx.x] = scale_of(args, threadIdx.x);
    }
    for (int i = blockIdx.y; i < args.batch; i += gridDim.y) {
        if (threadIdx.x == 0) {
            found = row_of(args.order, args.cursor, args.batch, i, args.rows, args.order_len);
            if (args.step) move = draw_move(args, i);
            if (blockIdx.x == 0) args.y[i] = found >= 0 ? args.labels[found] : -1;
        }
        __syncthreads();
        Move here = args.step ? move : Move{};
        long long row = found;
        if (args.step && args.width == 4)
            image_row<4, true>(args, mean, scales, i, row, here);
        else if (args.step)
            image_row<1, true>(args, mean, scales, i, row, here);
        else if (args.width == 4)
            image_row<4, false>(args, mean, scales, i, row, here);
        else
            image_row<1, false>(args, mean, scales, i, row, here);
        __syncthreads();  // all have read `found` and `move`, which the next round overwrites
    }
}

// ---------------------------------------------------------------------------------------
// bias_tanh, bias_sigmoid, bias_linear: h = f(h + b), in place, b added to every row of h [rows, cols].
// bias_relu, bias_pl: pre = pre + b in place, h = f(pre).
//
// A thread keeps the bias of its columns in registers and processes their rows one after the other.
//
// Launch: block x over the columns / width, block y over rows, at most BLOCK threads; grid x
// over all columns / width, y over rows.
// Bytes: in place reads 4, writes 4; the others read 4, write 8; each thread also reads its
// bias once, 4 · width.
template <int W, int ACT, bool KEEP_PRE>
__device__ void bias_activation(float *pre, float *h, const float *b, int rows, int cols) {
    int depth = cols / W, c = blockIdx.x * blockDim.x + threadIdx.x;
    int row = blockIdx.y * blockDim.y + threadIdx.y;
    if (c >= depth || row >= rows) return;
    Vec<W> bias = load<W>(b, c);
    for (; row < rows; row += gridDim.y * blockDim.y) {
        Vec<W> a = load<W>(pre, row * depth + c);
#pragma unroll
        for (int k = 0; k < W; k++) a.at[k] += bias.at[k];
        if (KEEP_PRE) store<W>(pre, row * depth + c, a);
#pragma unroll
        for (int k = 0; k < W; k++) a.at[k] = activate(ACT, a.at[k]);
        store<W>(h, row * depth + c, a);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
bias_tanh(float *h, const float *__restrict__ b, int rows, int cols, int width) {
    if (width == 4)
        bias_activation<4, ACT_TANH, false>(h, h, b, rows, cols);
    else
        bias_activation<1, ACT_TANH, false>(h, h, b, rows, cols);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
bias_relu(float *__restrict__ pre, float *__restrict__ h, const float *__restrict__ b, int rows, int cols, int width) {
    if (width == 4)
        bias_activation<4, ACT_RELU, true>(pre, h, b, rows, cols);
    else
        bias_activation<1, ACT_RELU, true>(pre, h, b, rows, cols);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
bias_pl(float *__restrict__ pre, float *__restrict__ h, const float *__restrict__ b, int rows, int cols, int width) {
    if (width == 4)
        bias_activation<4, ACT_PL, true>(pre, h, b, rows, cols);
    else
        bias_activation<1, ACT_PL, true>(pre, h, b, rows, cols);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
bias_sigmoid(float *h, const float *__restrict__ b, int rows, int cols, int width) {
    if (width == 4)
        bias_activation<4, ACT_SIGMOID, false>(h, h, b, rows, cols);
    else
        bias_activation<1, ACT_SIGMOID, false>(h, h, b, rows, cols);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
bias_linear(float *h, const float *__restrict__ b, int rows, int cols, int width) {
    if (width == 4)
        bias_activation<4, ACT_LINEAR, false>(h, h, b, rows, cols);
    else
        bias_activation<1, ACT_LINEAR, false>(h, h, b, rows, cols);
}

// ---------------------------------------------------------------------------------------
// Windows are the outputs whose receptive fields contain a pixel (u, v), counted from the corner
// of the padded image: all (y, x) from first to last, and none if a first exceeds its last.
struct Windows {
    int first_y;
    int last_y;
    int first_x;
    int last_x;
};

__device__ Windows windows_over(int u, int v, int kernel, int stride, int out_h, int out_w) {
    return {u < kernel ? 0 : (u - kernel + stride) / stride, min(out_h - 1, u / stride),
            v < kernel ? 0 : (v - kernel + stride) / stride, min(out_w - 1, v / stride)};
}

// in_image says whether (u, v) is a pixel: a negative number is a large unsigned one.
__device__ bool in_image(int u, int v, int in_h, int in_w) {
    return (unsigned)u < (unsigned)in_h && (unsigned)v < (unsigned)in_w;
}

// ---------------------------------------------------------------------------------------
// im2col: patches[n, y, x, i, j, c] = image[n, stride·y + i - pad, stride·x + j - pad, c] for
// `images` images of in_h × in_w × channels, and 0 outside the image.
//
// With width 4 a thread reads four channels of a pixel once and writes them to every window
// that contains the pixel; pixels of the padding are zeros. With width 1, where channels are few, that would scatter single
// floats: there a thread writes its column of the patches, since for fixed i the range over
// (j, c) is contiguous in both, and pixels are read again, from the cache.
//
// Launch with width 4: block x over the channels / 4, block y over pixels; grid x over the pixels
// of all padded images / block y, y over the channels. With width 1: block x over the columns of a patch,
// block y over x; grid x over out_w / block y, y over images · out_h. At most BLOCK threads.
// Bytes: writes 4 per element of the patches; reads 4 per element of the image that a window
// covers, with width 1 per element of the patches inside the image.
template <int W>
__device__ void im2col_pixels(const float *image, float *patches, int images, int in_h, int in_w, int channels,
                              int kernel, int stride, int pad, int out_h, int out_w) {
    int c = blockIdx.y * blockDim.x + threadIdx.x, depth = channels / W;
    if (c >= depth) return;
    int high = in_h + 2 * pad, wide = in_w + 2 * pad;
    for (int row = blockIdx.x * blockDim.y + threadIdx.y; row < images * high * wide; row += gridDim.x * blockDim.y) {
        int line = row / wide, v = row - line * wide;
        int n = line / high, u = line - n * high;
        Windows w = windows_over(u, v, kernel, stride, out_h, out_w);
        if (w.first_y > w.last_y || w.first_x > w.last_x) continue;
        Vec<W> pixel = {};
        if (in_image(u - pad, v - pad, in_h, in_w))
            pixel = load<W>(image, ((n * in_h + u - pad) * in_w + v - pad) * depth + c);
        for (int y = w.first_y; y <= w.last_y; y++) {
            for (int x = w.first_x; x <= w.last_x; x++) {
                int patch = (n * out_h + y) * out_w + x;
                int at = (u - y * stride) * kernel + (v - x * stride);
                store<W>(patches, (patch * kernel * kernel + at) * depth + c, pixel);
            }
        }
    }
}

__device__ void im2col_columns(const float *image, float *patches, int images, int in_h, int in_w, int channels,
                               int kernel, int stride, int pad, int out_h, int out_w) {
    int run = kernel * channels, line = in_w * channels, step = stride * channels;
    int patch = kernel * run;
    for (int col = threadIdx.x; col < patch; col += blockDim.x) {
        int i = col / run;
        int left = col - i * run - pad * channels;  // in a line of the image, for x = 0
        for (int out = blockIdx.y; out < images * out_h; out += gridDim.y) {
            int n = out / out_h, y = out - n * out_h;
            int u = y * stride + i - pad;
            int from = (n * in_h + u) * line + left;
            int to = out * out_w * patch + col;
            for (int x = blockIdx.x * blockDim.y + threadIdx.y; x < out_w; x += gridDim.x * blockDim.y)
                patches[to + x * patch] = in_image(u, left + x * step, in_h, line) ? image[from + x * step] : 0.0f;
        }
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
im2col(const float *__restrict__ image, float *__restrict__ patches, int images, int in_h, int in_w, int channels,
       int kernel, int stride, int pad, int out_h, int out_w, int width) {
    if (width == 4)
        im2col_pixels<4>(image, patches, images, in_h, in_w, channels, kernel, stride, pad, out_h, out_w);
    else
        im2col_columns(image, patches, images, in_h, in_w, channels, kernel, stride, pad, out_h, out_w);
}

// Errors are summed over the windows that contain a pixel. Patches and Pooled are their two
// sources: at(position, place, c) returns W channels of what an output position passes to the pixel
// at the given place, row · kernel + column, of its window.
template <int W> struct Patches {
    const float *patches;
    int area, depth;  // kernel², channels / W
    __device__ Vec<W> at(int position, int place, int c) const {
        return load<W>(patches, (position * area + place) * depth + c);
    }
};

template <int W> struct Pooled {
    const float *dy;
    const uint8 *index;  // null for averages
    int area, depth;
    __device__ Vec<W> at(int position, int place, int c) const {
        Vec<W> e = load<W>(dy, position * depth + c);
        if (index) {
            Bytes<W> chosen = reinterpret_cast<const Bytes<W> *>(index)[position * depth + c];
#pragma unroll
            for (int k = 0; k < W; k++)
                if (chosen.at[k] != place) e.at[k] = 0.0f;
        } else {
#pragma unroll
            for (int k = 0; k < W; k++) e.at[k] /= float(area);
        }
        return e;
    }
};

// ---------------------------------------------------------------------------------------
// col2im: dx[n, u, v, c] = f'(a[n, u, v, c]) · sum over all (y, i), (x, j) with
// u = stride·y + i - pad and v = stride·x + j - pad of patches[n, y, x, i, j, c]; no such pair
// gives 0.
// `below` holds the h or a from which f' is computed (see slopes).
// sums[block, c] is the sum of the block's dx; column_sums adds these to the bias gradient.
//
// Launch: block x over the channels / width, block y over positions, at most BLOCK threads;
// grid x over images · in_h · in_w / rows_per_block, y over the channels.
// Bytes: reads 4 per element of the patches inside the image and 4 per element of dx,
// writes 4 per element of dx and 4 · channels per block.
template <int W, class Source>
__device__ void sum_windows(float *shared, Source source, const float *below, float *dx, float *sums, int images,
                            int in_h, int in_w, int channels, int kernel, int stride, int pad, int out_h, int out_w,
                            int rows_per_block, int act) {
    int c = blockIdx.y * blockDim.x + threadIdx.x, depth = channels / W;
    int last = min(images * in_h * in_w, (int)(blockIdx.x + 1) * rows_per_block);
    Vec<W> total = {};
    if (c < depth) {
        for (int row = blockIdx.x * rows_per_block + threadIdx.y; row < last; row += blockDim.y) {
            int line = row / in_w, v = row - line * in_w + pad;
            int n = line / in_h, u = line - n * in_h + pad;
            Windows w = windows_over(u, v, kernel, stride, out_h, out_w);
            Vec<W> sum = {};
            for (int y = w.first_y; y <= w.last_y; y++) {
                for (int x = w.first_x; x <= w.last_x; x++) {
                    int place = (u - y * stride) * kernel + (v - x * stride);
                    Vec<W> e = source.at((n * out_h + y) * out_w + x, place, c);
#pragma unroll
                    for (int k = 0; k < W; k++) sum.at[k] += e.at[k];
                }
            }
            Vec<W> slope = slopes<W>(act, below, row * depth + c);
#pragma unroll
            for (int k = 0; k < W; k++) {
                sum.at[k] *= slope.at[k];
                total.at[k] += sum.at[k];
            }
            store<W>(dx, row * depth + c, sum);
        }
    }
    int first = blockIdx.y * blockDim.x * W;
    sum_lanes<W>(shared, total, sums + blockIdx.x * channels + first, channels - first);
}

// Without the 4, ptxas spills registers to have room for more blocks.
extern "C" __global__ void __launch_bounds__(BLOCK, 4)
col2im(const float *__restrict__ patches, const float *__restrict__ below, float *__restrict__ dx,
       float *__restrict__ sums, int images, int in_h, int in_w, int channels, int kernel, int stride, int pad,
       int out_h, int out_w, int rows_per_block, int act, int width) {
    __shared__ alignas(16) float shared[BLOCK * 4];
    int area = kernel * kernel;
    if (width == 4)
        sum_windows<4>(shared, Patches<4>{patches, area, channels / 4}, below, dx, sums, images, in_h, in_w, channels,
                       kernel, stride, pad, out_h, out_w, rows_per_block, act);
    else
        sum_windows<1>(shared, Patches<1>{patches, area, channels}, below, dx, sums, images, in_h, in_w, channels,
                       kernel, stride, pad, out_h, out_w, rows_per_block, act);
}

// ---------------------------------------------------------------------------------------
// pool: with average 0, p[n, y, x, c] = the maximum over i, j of h[n, stride·y + i, stride·x + j, c],
// and index, if not null, its place i · kernel + j: the first of equal ones; the last NaN if there
// is one. Otherwise p[n, y, x, c] = their sum / kernel².
//
// Launch: block x over the channels / width, block y over output positions, at most BLOCK threads;
// grid x over images · out_h · out_w / block y, y over the channels.
// Bytes: reads 4 per element of h that a window covers, again from the cache where windows overlap;
// writes 4 per element of p, 1 per element of index.
template <int W>
__device__ void pool_windows(const float *h, float *p, uint8 *index, int images, int in_h, int in_w, int channels,
                             int kernel, int stride, int out_h, int out_w, int average) {
    int c = blockIdx.y * blockDim.x + threadIdx.x, depth = channels / W;
    if (c >= depth) return;
    for (int row = blockIdx.x * blockDim.y + threadIdx.y; row < images * out_h * out_w; row += gridDim.x * blockDim.y) {
        int line = row / out_w, x = row - line * out_w;
        int n = line / out_h, y = line - n * out_h;
        int corner = (n * in_h + y * stride) * in_w + x * stride;
        Vec<W> result = {};
        int place[W] = {};
        for (int i = 0; i < kernel; i++) {
#pragma unroll 1  // more turns at once would take too many registers
            for (int j = 0; j < kernel; j++) {
                Vec<W> pixel = load<W>(h, (corner + i * in_w + j) * depth + c);
#pragma unroll
                for (int k = 0; k < W; k++) {
                    float v = pixel.at[k];
                    if (average) {
                        result.at[k] += v;
                    } else if (i + j == 0 || v > result.at[k] || v != v) {
                        result.at[k] = v;
                        place[k] = i * kernel + j;
                    }
                }
            }
        }
        if (average) {
#pragma unroll
            for (int k = 0; k < W; k++) result.at[k] /= float(kernel * kernel);
        }
        store<W>(p, row * depth + c, result);
        if (!index) continue;
        Bytes<W> places;
#pragma unroll
        for (int k = 0; k < W; k++) places.at[k] = place[k];
        reinterpret_cast<Bytes<W> *>(index)[row * depth + c] = places;
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
pool(const float *__restrict__ h, float *__restrict__ p, uint8 *__restrict__ index, int images, int in_h, int in_w,
     int channels, int kernel, int stride, int out_h, int out_w, int average, int width) {
    if (width == 4)
        pool_windows<4>(h, p, index, images, in_h, in_w, channels, kernel, stride, out_h, out_w, average);
    else
        pool_windows<1>(h, p, index, images, in_h, in_w, channels, kernel, stride, out_h, out_w, average);
}

// ---------------------------------------------------------------------------------------
// pool_back: dx[n, u, v, c] = f'(a[n, u, v, c]) · sum over the windows that contain the pixel (u, v):
// of dy[n, y, x, c] where index names the pixel's place, or, if index is null, of dy[n, y, x, c] /
// kernel². `below` and sums are as for col2im.
//
// Launch: as col2im.
// Bytes: reads 4 per element of dy, 1 per element of index and 4 per element of dx, dy and index
// again from the cache; writes 4 per element of dx and 4 · channels per block.
// Without the 4, ptxas spills registers to have room for more blocks.
extern "C" __global__ void __launch_bounds__(BLOCK, 4)
pool_back(const float *__restrict__ dy, const uint8 *__restrict__ index, const float *__restrict__ below,
          float *__restrict__ dx, float *__restrict__ sums, int images, int in_h, int in_w, int channels, int kernel,
          int stride, int out_h, int out_w, int rows_per_block, int act, int width) {
    __shared__ alignas(16) float shared[BLOCK * 4];
    int area = kernel * kernel;
    if (width == 4)
        sum_windows<4>(shared, Pooled<4>{dy, index, area, channels / 4}, below, dx, sums, images, in_h, in_w, channels,
                       kernel, stride, 0, out_h, out_w, rows_per_block, act);
    else
        sum_windows<1>(shared, Pooled<1>{dy, index, area, channels}, below, dx, sums, images, in_h, in_w, channels,
                       kernel, stride, 0, out_h, out_w, rows_per_block, act);
}

// ---------------------------------------------------------------------------------------
// Feedback and magnitudes that are not stored: the element in row k and column j of a layer's
// matrix is drawn again wherever it is used. gpu/generator.go must give the same bits, so that every operation here
// is one that IEEE 754 rounds exactly: no fused multiply-add, no library function.

// horner is ((a·x + b)·x + c)·x + d.
__device__ float horner(float x, float a, float b, float c, float d) {
    float sum = __fadd_rn(__fmul_rn(a, x), b);
    sum = __fadd_rn(__fmul_rn(sum, x), c);
    return __fadd_rn(__fmul_rn(sum, x), d);
}

// neg_log is -ln(x) of a normal number below 1, by the series of the area tangent.
__device__ float neg_log(float x) {
    int word = __float_as_int(x), exponent = (word >> 23) - 127;
    float f = __int_as_float((word & 0x007fffff) | 0x3f800000);
    if (f > 1.41421356f) {
        f = __fmul_rn(f, 0.5f);
        exponent++;
    }
    float s = __fdiv_rn(__fsub_rn(f, 1.0f), __fadd_rn(f, 1.0f));
    float square = __fmul_rn(s, s);
    float series = __fmul_rn(square, horner(square, 1.0f / 9, 1.0f / 7, 1.0f / 5, 1.0f / 3));
    float twice = __fadd_rn(s, s);
    return __fsub_rn(__fmul_rn(float(-exponent), 0.693147180559945f), __fadd_rn(twice, __fmul_rn(twice, series)));
}

// normal is the quantile of the standard normal distribution (Wichura's PPND7): the lowest
// bit of the word is the sign, the others are the probability of a larger magnitude.
__device__ float normal(unsigned word) {
    float tail = __fmul_rn(__fadd_rn(__uint2float_rn(word >> 1), 0.5f), 0x1p-32f);
    float q = __fsub_rn(0.5f, tail), above, below;
    if (q <= 0.425f) {
        float r = __fsub_rn(0.180625f, __fmul_rn(q, q));
        above = __fmul_rn(q, horner(r, 5.9109374720e+01f, 1.5929113202e+02f, 5.0434271938e+01f, 3.3871327179f));
        below = horner(r, 6.7187563600e+01f, 7.8757757664e+01f, 1.7895169469e+01f, 1.0f);
    } else {
        float r = __fsub_rn(__fsqrt_rn(neg_log(tail)), 1.6f);
        above = horner(r, 1.7023821103e-01f, 1.3067284816f, 2.7568153900f, 1.4234372777f);
        below = horner(r, 0.0f, 1.2021132975e-01f, 7.3700164250e-01f, 1.0f);
    }
    float z = __fdiv_rn(above, below);
    return word & 1 ? -z : z;
}

// drawn makes an element from 32 random bits.
__device__ float drawn(int draw, float low, float high, unsigned word) {
    if (draw == DRAW_NORMAL || draw == DRAW_ABS_NORMAL) {
        float z = normal(word);
        return __fmul_rn(draw == DRAW_NORMAL ? z : fabsf(z), high);
    }
    if (draw == DRAW_SYMMETRIC) return __fmul_rn(float(((int)word >> 8) * 2 + 1) * 0x1p-24f, high);
    if (draw == DRAW_UNIFORM) return __fadd_rn(low, __fmul_rn(float(word >> 8) * 0x1p-24f, __fsub_rn(high, low)));
    return high;
}

// Drawing is the gpu.Generator that a kernel draws from.
struct Drawing {
    int draw;  // gpu.Draw
    int seed_low;
    int seed_high;
    float low;
    float high;
};

// draw writes the W elements of a row of a layer's matrix that start at a column, a multiple of W.
template <int W> __device__ void draw(float *to, Drawing from, int layer, int row, int column) {
    uint4 words = philox(make_uint4(column / 4, row, layer, 0), make_uint2(from.seed_low, from.seed_high));
    for (int skip = column % 4; skip > 0; skip--) words = make_uint4(words.y, words.z, words.w, 0);
#pragma unroll 1  // four quantiles at once would take too many registers
    for (int i = 0; i < W; i++) {
        to[i] = drawn(from.draw, from.low, from.high, words.x);
        words = make_uint4(words.y, words.z, words.w, 0);
    }
}

// ---------------------------------------------------------------------------------------
// sign: dst = |m| · sign(src), where zero and NaN of src stay. m may be null: then the magnitude
// of each element is `value`.
// sign_drawn: the same with m[i] drawn and not stored: the element in row step[0] and column i of
// a layer's matrix.
//
// Launch: BLOCK threads; grid x over n / width.
// Bytes: reads 8, or 4 without m, writes 4.
__device__ float with_sign(float m, float s) { return s > 0.0f ? fabsf(m) : (s < 0.0f ? -fabsf(m) : s); }

template <int W>
__device__ void sign_range(float *dst, const float *src, const float *m, int first, int n, float value) {
    for (int i = first + blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        Vec<W> s = load<W>(src, i), magnitude;
        for (float &v : magnitude.at) v = value;
        if (m) magnitude = load<W>(m, i);
#pragma unroll
        for (int k = 0; k < W; k++) s.at[k] = with_sign(magnitude.at[k], s.at[k]);
        store<W>(dst, i, s);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
sign(float *__restrict__ dst, const float *__restrict__ src, const float *__restrict__ m, int n, float value,
     int width) {
    int done = 0;
    if (width == 4) {
        sign_range<4>(dst, src, m, 0, n / 4, value);
        done = n / 4 * 4;
    }
    sign_range<1>(dst, src, m, done, n, value);
}

template <int W>
__device__ void sign_drawn_range(float *dst, const float *src, int first, int n, Drawing from, int layer, int row) {
    for (int i = first + blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        Vec<W> s = load<W>(src, i), magnitude;
        draw<W>(magnitude.at, from, layer, row, i * W);
#pragma unroll
        for (int k = 0; k < W; k++) s.at[k] = with_sign(magnitude.at[k], s.at[k]);
        store<W>(dst, i, s);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
sign_drawn(float *__restrict__ dst, const float *__restrict__ src, const int *__restrict__ step, int n, int draw,
           int seed_low, int seed_high, int layer, float low, float high, int width) {
    Drawing from = {draw, seed_low, seed_high, low, high};
    int done = 0, row = step[0];
    if (width == 4) {
        sign_drawn_range<4>(dst, src, 0, n / 4, from, layer, row);
        done = n / 4 * 4;
    }
    sign_drawn_range<1>(dst, src, done, n, from, layer, row);
}

// ---------------------------------------------------------------------------------------
// feedback: for every hidden layer l, delta_l = (E · B_l) ⊙ f'(a_l) for at most
// MAX_DIRECT_LOGITS logits; with one logit E · B_l is the outer product of E and B_l.
// feedback_drawn: the same for any number of logits, with B drawn and not stored.
// Beyond MAX_DIRECT_LOGITS a block draws its part of B again for every few rows.
// label_feedback: delta_l[i, :] = scale · B_l[labels[i], :] ⊙ f'(a_l[i, :]), with a row of B for each
// class; a label outside the classes gives NaN. label_feedback_drawn: the same, with the elements of
// these rows drawn and not stored.
// times_slope: delta_l = raw_l ⊙ f'(a_l), where raw [batch, columns] is E · B from cuBLAS, or
// the error that one layer passes back, then in place (raw and delta are the same).
// All: sums_l[chunk, j] is the sum of delta_l[:, j] over the rows of the block's chunk: the
// bias gradient itself if one chunk holds the whole batch and every element of the layer
// has its own bias; otherwise column_sums computes it.
//
// Launch: block x · width columns, block y rows, BLOCK threads; grid x over all tiles (a tile
// is a block's columns within one layer), y over chunks of rows_per_block rows. The two of
// feedback need dynamic shared memory: 4 · min(logits, MAX_DIRECT_LOGITS) · (block x · width +
// ROWS_PER_THREAD · block y).
// Bytes: feedback and label_feedback_drawn read 4, write 4, times_slope and label_feedback read 8,
// write 4; feedback reads 4 · logits per column and chunk (feedback_drawn nothing) and both 4 · logits
// per row and tile more, the two of label_feedback 4 per row and thread; all write 4 per column and chunk.
struct DeltaLayer {
    const float *below;  // [batch, size], the h or a from which f' is computed; null for linear
    float *delta;        // [batch, size]
    float *sums;         // [chunks, size]
    int size;            // elements per example
    int column;          // where the layer's columns begin in B or raw
    int act;             // gpu.Activation
    int first_tile;      // the layer's first block in x
};

struct DeltaArgs {
    const float *e;    // [batch, logits], the two of feedback only
    const int *labels; // [batch], the two of label_feedback only
    const float *from; // B [logits, columns] or raw [batch, columns]; null if B is drawn
    int batch;
    int logits;        // of label_feedback: classes
    int columns;
    int layers;
    int rows_per_block;
    int width;
    int draw;         // gpu.Draw; this and the next fields are for a B that is drawn
    int seed_low;     // the halves of the seed
    int seed_high;
    int first_layer;  // the number of layer[0] among all layers
    float low;
    float high;
    float scale;      // label_feedback only
    int unused;       // keeps the size a multiple of 8 bytes on every compiler
    DeltaLayer layer[MAX_LAYERS];
};

// layer_of returns the number of the layer to which the block's tile belongs.
__device__ int layer_of(const DeltaArgs &args) {
    int l = 0;
    while (l + 1 < args.layers && (int)blockIdx.x >= args.layer[l + 1].first_tile) l++;
    return l;
}

// StoredFeedback and DrawnFeedback are the two sources of B for feedback_tile and label_tile: put writes the W
// elements of row k of layer l that start at column j, a multiple of W. SPLIT says whether there
// may be more than MAX_DIRECT_LOGITS logits, which feedback_tile then processes in parts.
template <int W> struct StoredFeedback {
    static constexpr bool SPLIT = false;
    static __device__ void put(float *to, const DeltaArgs &args, int l, int k, int j) {
        store<W>(to, 0, load<W>(args.from + (long long)k * args.columns + args.layer[l].column, j / W));
    }
};

template <int W> struct DrawnFeedback {
    static constexpr bool SPLIT = true;
    static __device__ void put(float *to, const DeltaArgs &args, int l, int k, int j) {
        Drawing from = {args.draw, args.seed_low, args.seed_high, args.low, args.high};
        draw<W>(to, from, args.first_layer + l, k, j);
    }
};

// put_rows writes rows [from, from + rows) of the block's columns of B, which start at `first`.
template <int W, class Feedback>
__device__ void put_rows(float *b, const DeltaArgs &args, int l, int first, int from, int rows) {
    int column = threadIdx.x * W;
    for (int k = threadIdx.y; k < rows; k += blockDim.y)
        Feedback::put(b + k * blockDim.x * W + column, args, l, from + k, first + column);
}

template <int W, class Feedback> __device__ void feedback_tile(float *shared, float *tile, const DeltaArgs &args) {
    int l = layer_of(args);
    DeltaLayer layer = args.layer[l];
    int columns = blockDim.x * W, thread = threadIdx.y * blockDim.x + threadIdx.x;
    int first = (blockIdx.x - layer.first_tile) * columns;  // within the layer
    int limit = min(columns, layer.size - first);
    int group = ROWS_PER_THREAD * blockDim.y;
    int logits = args.logits, part = Feedback::SPLIT ? min(logits, MAX_DIRECT_LOGITS) : logits;
    float *b = tile, *e = tile + part * columns;  // b [part, columns], e [group, part]

    bool active = threadIdx.x * W < limit;
    if (!Feedback::SPLIT && active) put_rows<W, Feedback>(b, args, l, first, 0, logits);
    Vec<W> total = {};
    int start = blockIdx.y * args.rows_per_block, last = min(args.batch, start + args.rows_per_block);
    for (int row = start; row < last; row += group) {
        Vec<W> sum[ROWS_PER_THREAD] = {};
        int from = 0;
        do {
            int here = Feedback::SPLIT ? min(part, logits - from) : logits;
            __syncthreads();
            if (Feedback::SPLIT && active && (row == start || part < logits))  // otherwise b still holds them
                put_rows<W, Feedback>(b, args, l, first, from, here);
            for (int i = thread; i < group * here; i += blockDim.x * blockDim.y) {
                int r = Feedback::SPLIT ? i / here : 0;  // rows of E are longer than this part
                bool inside = Feedback::SPLIT ? row + r < last : i < (last - row) * logits;
                e[i] = inside ? args.e[(row + r) * logits + from + i - r * here] : 0.0f;
            }
            __syncthreads();
            from += part;
            if (!active) continue;
            for (int k = 0; k < here; k++) {
                Vec<W> column = load<W>(b, k * blockDim.x + threadIdx.x);
#pragma unroll
                for (int r = 0; r < ROWS_PER_THREAD; r++) {
                    float error = e[(r * blockDim.y + threadIdx.y) * here + k];
#pragma unroll
                    for (int j = 0; j < W; j++) sum[r].at[j] += error * column.at[j];
                }
            }
        } while (Feedback::SPLIT && from < logits);
        if (!active) continue;
#pragma unroll
        for (int r = 0; r < ROWS_PER_THREAD; r++) {
            int mine = row + r * blockDim.y + threadIdx.y;
            if (mine >= last) continue;
            int at = mine * (layer.size / W) + first / W + threadIdx.x;
            Vec<W> slope = slopes<W>(layer.act, layer.below, at);
#pragma unroll
            for (int j = 0; j < W; j++) {
                sum[r].at[j] *= slope.at[j];
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
        feedback_tile<4, StoredFeedback<4>>(shared, tile, args);
    else
        feedback_tile<1, StoredFeedback<1>>(shared, tile, args);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 3) feedback_drawn(DeltaArgs args) {
    extern __shared__ float4 dynamic[];
    __shared__ alignas(16) float shared[BLOCK * 4];
    float *tile = reinterpret_cast<float *>(dynamic);
    if (args.width == 4)
        feedback_tile<4, DrawnFeedback<4>>(shared, tile, args);
    else
        feedback_tile<1, DrawnFeedback<1>>(shared, tile, args);
}

// label_tile has a thread put the elements that it needs into its own part of the shared memory, which
// sum_lanes uses afterwards: no other thread reads them.
template <int W, class Feedback> __device__ void label_tile(float *shared, const DeltaArgs &args) {
    int l = layer_of(args);
    DeltaLayer layer = args.layer[l];
    int columns = blockDim.x * W, thread = threadIdx.y * blockDim.x + threadIdx.x;
    int first = (blockIdx.x - layer.first_tile) * columns;
    int limit = min(columns, layer.size - first), column = threadIdx.x * W;
    Vec<W> total = {};
    if (column < limit) {
        int end = min(args.batch, (int)(blockIdx.y + 1) * args.rows_per_block);
        for (int row = blockIdx.y * args.rows_per_block + threadIdx.y; row < end; row += blockDim.y) {
            int label = args.labels[row];
            float scale = label >= 0 && label < args.logits ? args.scale : NAN_F;
            Feedback::put(shared + thread * W, args, l, scale == scale ? label : 0, first + column);
            Vec<W> d = load<W>(shared, thread);
            int at = row * (layer.size / W) + first / W + threadIdx.x;
            Vec<W> slope = slopes<W>(layer.act, layer.below, at);
#pragma unroll
            for (int j = 0; j < W; j++) {
                d.at[j] = scale * d.at[j] * slope.at[j];
                total.at[j] += d.at[j];
            }
            store<W>(layer.delta, at, d);
        }
    }
    sum_lanes<W>(shared, total, layer.sums + blockIdx.y * layer.size + first, limit);
}

extern "C" __global__ void __launch_bounds__(BLOCK) label_feedback(DeltaArgs args) {
    __shared__ alignas(16) float shared[BLOCK * 4];
    if (args.width == 4)
        label_tile<4, StoredFeedback<4>>(shared, args);
    else
        label_tile<1, StoredFeedback<1>>(shared, args);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 3) label_feedback_drawn(DeltaArgs args) {
    __shared__ alignas(16) float shared[BLOCK * 4];
    if (args.width == 4)
        label_tile<4, DrawnFeedback<4>>(shared, args);
    else
        label_tile<1, DrawnFeedback<1>>(shared, args);
}

template <int W> __device__ void slope_tile(float *shared, const DeltaArgs &args) {
    DeltaLayer layer = args.layer[layer_of(args)];
    int columns = blockDim.x * W;
    int first = (blockIdx.x - layer.first_tile) * columns;
    int limit = min(columns, layer.size - first);
    Vec<W> total = {};
    if (threadIdx.x * W < limit) {
        int last = min(args.batch, (int)(blockIdx.y + 1) * args.rows_per_block);
        for (int row = blockIdx.y * args.rows_per_block + threadIdx.y; row < last; row += blockDim.y) {
            Vec<W> d = load<W>(args.from, (row * args.columns + layer.column + first) / W + threadIdx.x);
            int at = row * (layer.size / W) + first / W + threadIdx.x;
            Vec<W> slope = slopes<W>(layer.act, layer.below, at);
#pragma unroll
            for (int j = 0; j < W; j++) {
                d.at[j] *= slope.at[j];
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
// second stage of the bias gradients, also for the logit layer if the loss ran on several
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
// then each of the `steps` counters is raised by one.
//
// Launch: one block of LOSS_BLOCK threads does all of this. With several blocks, of
// LOSS_SPLIT_BLOCK threads each, block b writes its four sums to partial[b], and loss_finish and
// column_sums do the rest.
// Bytes: reads 4 (again 8 from cache), writes 4 and 4 for E; 4 per example for the label;
// with one block 4 for the column sum of E.

// finish_metrics adds the sums of the whole batch, and raises the counters.
__device__ void finish_metrics(double *metrics, int *step, int steps, const double *sums) {
    if (threadIdx.x < NUM_METRICS) metrics[threadIdx.x] += sums[threadIdx.x];
    for (int i = threadIdx.x; i < steps; i += blockDim.x) step[i] += 1;
}

// block_metrics adds the values of all threads: in each warp a tree, then the warps in order.
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
// The prediction is class 1 where a > 0, and wrong where a is NaN; each of two classes is among
// the top five. A thread processes a row.
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
// with a larger logit, or an equal one of a lower index; NaN counts as larger, also than
// NaN. Rank 0 is correct, a rank below 5 is in the top five. A warp processes a row.
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

// loss_finish adds the sums that `blocks` blocks wrote to partial to metrics and raises the
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
// The optimizers: w *= 1 - lr·decay, g = G + l2·w, the update, then w = max(w, floor) for the
// elements [clamp_from, clamp_to) of the arena. NaN stays NaN.
//
//   sgd       w -= lr·g
//   momentum  v = momentum·v + g      w -= lr·v, or with nesterov w -= lr·(g + momentum·v)
//   rmsprop   s = 0.9·s + 0.1·g²      w -= lr·g / sqrt(s + 1e-10)
//   adam      m = 0.9·m + 0.1·g       v = 0.999·v + 0.001·g²
//             w -= lr·sqrt(1 - 0.999^t)/(1 - 0.9^t) · m / (sqrt(v) + 1e-8)      t = step[0]
//   adamw     as adam, with the epsilon 1e-8·sqrt(1 - 0.999^t)
//
// Launch: BLOCK threads; grid x over n / width.
// Bytes: sgd reads 8, writes 4; momentum and rmsprop 12 and 8; adam and adamw 16 and 12.
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

// Floor is the lower bound of elements [from, to) of the arena.
struct Floor {
    int from, to;
    float value;
    __device__ float apply(int i, float w) const { return i >= from && i < to && w < value ? value : w; }
};

// rate_of returns the learning rate of the step.
__device__ float rate_of(float lr, const float *factors, const int *batch, int count) {
    if (!factors) return lr;
    int i = batch[0] - 1;
    return i >= 0 && i < count ? lr * factors[i] : NAN_F;
}

// Penalties shrink a weight, and add to its gradient.
struct Penalties {
    float keep, l2;
    __device__ Penalties(float lr, float l2, float decay) : keep(1.0f - lr * decay), l2(l2) {}
    // The product is rounded by itself: without decay the update has the bits that it has without the product.
    __device__ float weight(float w) const { return __fmul_rn(keep, w); }
    __device__ float gradient(float g, float w) const { return g + l2 * w; }
};

template <int W>
__device__ void sgd_range(float *w, const float *g, int first, int n, float lr, Penalties penalties, Floor floor) {
    for (int i = first + blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        Vec<W> weight = load<W>(w, i), grad = load<W>(g, i);
#pragma unroll
        for (int k = 0; k < W; k++) {
            float x = penalties.weight(weight.at[k]), d = penalties.gradient(grad.at[k], x);
            weight.at[k] = floor.apply(i * W + k, x - lr * d);
        }
        store<W>(w, i, weight);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
sgd(float *__restrict__ w, const float *__restrict__ g, const float *__restrict__ factors,
    const int *__restrict__ batch, int count, int n, float lr, float l2, float decay, int clamp_from, int clamp_to,
    float floor, int width) {
    lr = rate_of(lr, factors, batch, count);
    Penalties penalties(lr, l2, decay);
    Floor limit = {clamp_from, clamp_to, floor};
    int done = 0;
    if (width == 4) {
        sgd_range<4>(w, g, 0, n / 4, lr, penalties, limit);
        done = n / 4 * 4;
    }
    sgd_range<1>(w, g, done, n, lr, penalties, limit);
}

template <int W>
__device__ void momentum_range(float *w, const float *g, float *v, int first, int n, float lr, float momentum,
                               bool nesterov, Penalties penalties, Floor floor) {
    for (int i = first + blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        Vec<W> weight = load<W>(w, i), grad = load<W>(g, i), velocity = load<W>(v, i);
#pragma unroll
        for (int k = 0; k < W; k++) {
            float x = penalties.weight(weight.at[k]), d = penalties.gradient(grad.at[k], x);
            velocity.at[k] = momentum * velocity.at[k] + d;
            float move = nesterov ? d + momentum * velocity.at[k] : velocity.at[k];
            weight.at[k] = floor.apply(i * W + k, x - lr * move);
        }
        store<W>(v, i, velocity);
        store<W>(w, i, weight);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
momentum(float *__restrict__ w, const float *__restrict__ g, float *__restrict__ v, const float *__restrict__ factors,
         const int *__restrict__ batch, int count, int n, float lr, float l2, float decay, float momentum, int nesterov,
         int clamp_from, int clamp_to, float floor, int width) {
    lr = rate_of(lr, factors, batch, count);
    Penalties penalties(lr, l2, decay);
    Floor limit = {clamp_from, clamp_to, floor};
    int done = 0;
    if (width == 4) {
        momentum_range<4>(w, g, v, 0, n / 4, lr, momentum, nesterov, penalties, limit);
        done = n / 4 * 4;
    }
    momentum_range<1>(w, g, v, done, n, lr, momentum, nesterov, penalties, limit);
}

template <int W>
__device__ void rmsprop_range(float *w, const float *g, float *s, int first, int n, float lr, Penalties penalties,
                              Floor floor) {
    for (int i = first + blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        Vec<W> weight = load<W>(w, i), grad = load<W>(g, i), state = load<W>(s, i);
#pragma unroll
        for (int k = 0; k < W; k++) {
            float x = penalties.weight(weight.at[k]), d = penalties.gradient(grad.at[k], x);
            state.at[k] = RMSPROP_DECAY * state.at[k] + RMSPROP_FRESH * (d * d);
            float next = x - lr * d / sqrtf(state.at[k] + RMSPROP_EPSILON);
            weight.at[k] = floor.apply(i * W + k, next);
        }
        store<W>(s, i, state);
        store<W>(w, i, weight);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
rmsprop(float *__restrict__ w, const float *__restrict__ g, float *__restrict__ s, const float *__restrict__ factors,
        const int *__restrict__ batch, int count, int n, float lr, float l2, float decay, int clamp_from, int clamp_to,
        float floor, int width) {
    lr = rate_of(lr, factors, batch, count);
    Penalties penalties(lr, l2, decay);
    Floor limit = {clamp_from, clamp_to, floor};
    int done = 0;
    if (width == 4) {
        rmsprop_range<4>(w, g, s, 0, n / 4, lr, penalties, limit);
        done = n / 4 * 4;
    }
    rmsprop_range<1>(w, g, s, done, n, lr, penalties, limit);
}

template <int W>
__device__ void adam_range(float *w, const float *g, float *m, float *v, int first, int n, float rate, float epsilon,
                           Penalties penalties, Floor floor) {
    for (int i = first + blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        Vec<W> weight = load<W>(w, i), grad = load<W>(g, i), mean = load<W>(m, i), square = load<W>(v, i);
#pragma unroll
        for (int k = 0; k < W; k++) {
            float x = penalties.weight(weight.at[k]), d = penalties.gradient(grad.at[k], x);
            mean.at[k] = ADAM_DECAY_1 * mean.at[k] + ADAM_FRESH_1 * d;
            square.at[k] = ADAM_DECAY_2 * square.at[k] + ADAM_FRESH_2 * (d * d);
            float next = x - rate * mean.at[k] / (sqrtf(square.at[k]) + epsilon);
            weight.at[k] = floor.apply(i * W + k, next);
        }
        store<W>(m, i, mean);
        store<W>(v, i, square);
        store<W>(w, i, weight);
    }
}

// adam_step is a step of adam, or of adamw if `outside` puts the epsilon outside of the corrected root.
__device__ void adam_step(bool outside, float *w, const float *g, float *m, float *v, const int *step, int n, float lr,
                          Penalties penalties, Floor floor, int width) {
    float t = float(step[0]);
    // 1 - decay^t as -expm1(t · ln decay): the difference itself would lose all but four digits at t = 1.
    float root = sqrtf(-expm1f(t * LOG_ADAM_DECAY_2));
    float rate = lr * root / -expm1f(t * LOG_ADAM_DECAY_1);
    float epsilon = outside ? ADAM_EPSILON * root : ADAM_EPSILON;
    int done = 0;
    if (width == 4) {
        adam_range<4>(w, g, m, v, 0, n / 4, rate, epsilon, penalties, floor);
        done = n / 4 * 4;
    }
    adam_range<1>(w, g, m, v, done, n, rate, epsilon, penalties, floor);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
adam(float *__restrict__ w, const float *__restrict__ g, float *__restrict__ m, float *__restrict__ v,
     const int *__restrict__ step, const float *__restrict__ factors, const int *__restrict__ batch, int count, int n,
     float lr, float l2, float decay, int clamp_from, int clamp_to, float floor, int width) {
    lr = rate_of(lr, factors, batch, count);
    adam_step(false, w, g, m, v, step, n, lr, Penalties(lr, l2, decay), {clamp_from, clamp_to, floor}, width);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
adamw(float *__restrict__ w, const float *__restrict__ g, float *__restrict__ m, float *__restrict__ v,
      const int *__restrict__ step, const float *__restrict__ factors, const int *__restrict__ batch, int count, int n,
      float lr, float l2, float decay, int clamp_from, int clamp_to, float floor, int width) {
    lr = rate_of(lr, factors, batch, count);
    adam_step(true, w, g, m, v, step, n, lr, Penalties(lr, l2, decay), {clamp_from, clamp_to, floor}, width);
}

// ---------------------------------------------------------------------------------------
// compare: with a an element of A [rows, cols], and b the one in the same place of B, or of the
// transpose of B [cols, rows], the sums over all elements of
//
//   a·b    a²    b²    a and b have the same sign    opposite signs    a <= low    a >= high
//
// are added to out. Products and sums are float64; zero has no sign, and a comparison with NaN
// is false. With several blocks, block b writes its sums to partial[b], and compare_finish
// adds them.
//
// Launch: BLOCK threads; grid x over rows · cols.
// Bytes: reads 8; per block writes 56.
extern "C" __global__ void __launch_bounds__(BLOCK)
compare(const float *a, const float *b, double *out, double *partial, int rows, int cols, int transposed, float low,
        float high) {
    __shared__ double of_warp[NUM_COMPARED][BLOCK / WARP];
    double dot = 0.0, square_a = 0.0, square_b = 0.0;
    int same = 0, opposed = 0, below = 0, above = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < rows * cols; i += gridDim.x * blockDim.x) {
        int row = i / cols;
        float x = a[i], y = b[transposed ? (i - row * cols) * rows + row : i];
        dot += double(x) * y;
        square_a += double(x) * x;
        square_b += double(y) * y;
        same += (x > 0.0f && y > 0.0f) || (x < 0.0f && y < 0.0f);
        opposed += (x > 0.0f && y < 0.0f) || (x < 0.0f && y > 0.0f);
        below += x <= low;
        above += x >= high;
    }
    double mine[NUM_COMPARED] = {warp_sum(dot), warp_sum(square_a), warp_sum(square_b), double(warp_sum(same)),
                                 double(warp_sum(opposed)), double(warp_sum(below)), double(warp_sum(above))};
    if (threadIdx.x % WARP == 0) {
#pragma unroll
        for (int k = 0; k < NUM_COMPARED; k++) of_warp[k][threadIdx.x / WARP] = mine[k];
    }
    __syncthreads();
    if (threadIdx.x < NUM_COMPARED) {
        double sum = 0.0;
        for (int w = 0; w < BLOCK / WARP; w++) sum += of_warp[threadIdx.x][w];
        if (gridDim.x > 1)
            partial[blockIdx.x * NUM_COMPARED + threadIdx.x] = sum;
        else
            out[threadIdx.x] += sum;
    }
}

// compare_finish adds the sums that `blocks` blocks wrote to partial to out. Warp k adds sum
// k: each lane every 32nd block, then a tree.
//
// Launch: one block of BLOCK threads, a warp for each sum; the other warps end at once.
// Bytes: reads 56 per block.
extern "C" __global__ void __launch_bounds__(BLOCK)
compare_finish(const double *__restrict__ partial, double *out, int blocks) {
    int lane = threadIdx.x % WARP, k = threadIdx.x / WARP;
    if (k >= NUM_COMPARED) return;
    double sum = 0.0;
    for (int b = lane; b < blocks; b += WARP) sum += partial[b * NUM_COMPARED + k];
    sum = warp_sum(sum);
    if (lane == 0) out[k] += sum;
}
