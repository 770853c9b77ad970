package bench

import (
	"fmt"
	"strings"
)

// card holds NVIDIA's published figures of a GPU. Rates are per second, at the highest clock and for dense
// matrices; no program reaches them.
type card struct {
	name           string
	about          string  // the exact model
	bytesPerSecond float64 // of device memory
	cacheBytes     float64 // L2
	flops          float64 // float32, a multiply-add counted as two
	tf32FLOPS      float64 // of TF32 products; equal to flops on a GPU without TF32
}

// Sources, all NVIDIA's:
//   - H100 SXM5: "NVIDIA H100 Tensor Core GPU Datasheet" (3.35 TB/s, 67 TFLOPS, TF32 989
//     with sparsity, so half of it dense); "NVIDIA H100 Tensor Core GPU Architecture" (50 MB L2).
//   - A100 SXM4 80GB: "NVIDIA A100 Tensor Core GPU Datasheet" (2,039 GB/s, 19.5, TF32 156);
//     "NVIDIA A100 Tensor Core GPU Architecture" (40 MB L2).
//   - L4: "NVIDIA L4 Tensor Core GPU Datasheet" (300 GB/s, 30.3, TF32 120 with sparsity);
//     "NVIDIA Ada GPU Architecture" (48 MB L2 of AD104).
//   - T4: "NVIDIA T4 Tensor Core GPU Product Brief" (320 GB/s), "NVIDIA T4 Datasheet" (8.1);
//     "NVIDIA Turing GPU Architecture" (4 MB L2 of TU104; no TF32).
var cards = []card{
	{"h100", "H100 SXM5", 3.35e12, 50e6, 67e12, 494.5e12},
	{"a100", "A100 SXM4 80GB", 2.039e12, 40e6, 19.5e12, 156e12},
	{"l4", "L4", 300e9, 48e6, 30.3e12, 60e12},
	{"t4", "T4", 320e9, 4 << 20, 8.1e12, 8.1e12},
}

func cardNames() (names []string) {
	for _, c := range cards {
		names = append(names, c.name)
	}
	return names
}

func parseCard(name string) (card, error) {
	for _, c := range cards {
		if c.name == strings.ToLower(name) {
			return c, nil
		}
	}
	return card{}, fmt.Errorf("%q is none of %s", name, strings.Join(cardNames(), ", "))
}
