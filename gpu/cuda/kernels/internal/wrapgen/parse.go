// Package wrapgen reads the kernels' signatures, structs and constants out of
// kernels.cu and writes the typed Go wrappers of package kernels.
//
// It understands the subset of CUDA C that kernels.cu keeps to: one anonymous enum of
// integer constants, structs of scalars, pointers, structs and arrays of those, and
// kernels declared as extern "C" __global__ void. Anything else there is an error.
package wrapgen

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Source is the part of kernels.cu that its launcher needs.
type Source struct {
	Constants []Constant
	Structs   []Struct // those that a kernel takes, inner ones first
	Kernels   []Kernel
}

// Constant is one enumerator.
type Constant struct {
	Name  string
	Value int
	Doc   string
}

// Struct is a parameter type.
type Struct struct {
	Name   string
	Fields []Field
}

// Field is a member of a struct or a parameter of a kernel.
type Field struct {
	Name  string
	Type  string // in Go: one of the constants below, or the name of a struct
	Array int    // elements, 0 for a single one
	Doc   string
}

// The Go types of pointers, int and float.
const (
	pointer = "DevicePtr"
	integer = "int32"
	float   = "float32"
)

// Kernel is one entry point.
type Kernel struct {
	Name   string
	Block  int    // the most threads of a block: its __launch_bounds__
	Struct string // the type of the only parameter, if that is a struct
	Params []Field
}

var (
	reEnum       = regexp.MustCompile(`(?s)\benum : int \{(.*?)\};`)
	reEnumerator = regexp.MustCompile(`(?m)^\s*([A-Z][A-Z0-9_]*) = (\d+),\s*(?://\s*(.*))?$`)
	reStruct     = regexp.MustCompile(`(?ms)^struct (\w+) \{\n(.*?)^\};`)
	reField      = regexp.MustCompile(`^\s*((?:const )?[\w ]+?[ *]+)(\w+)(?:\[(\w+)\])?;\s*(?://\s*(.*))?$`)
	reKernel     = regexp.MustCompile(`(?s)extern "C" __global__ void __launch_bounds__\((\w+)(?:, \d+)?\)\s*(\w+)\(([^)]*)\)`)
	reEntry      = regexp.MustCompile(`\b__global__\b`)
	reComment    = regexp.MustCompile(`(?m)//.*$`)
)

// Parse reads the text of kernels.cu.
func Parse(cu string) (*Source, error) {
	src := &Source{}
	values := map[string]int{}
	enums := reEnum.FindAllStringSubmatch(cu, -1)
	if len(enums) != 1 {
		return nil, fmt.Errorf("wrapgen: kernels.cu has %d enums of constants, expected is one", len(enums))
	}
	for _, line := range reEnumerator.FindAllStringSubmatch(enums[0][1], -1) {
		v, err := strconv.Atoi(line[2])
		if err != nil {
			return nil, fmt.Errorf("wrapgen: constant %s: %w", line[1], err)
		}
		values[line[1]] = v
		src.Constants = append(src.Constants, Constant{Name: line[1], Value: v, Doc: line[3]})
	}
	if want := strings.Count(enums[0][1], "="); want != len(src.Constants) {
		return nil, fmt.Errorf("wrapgen: %d of %d constants are of the form NAME = 1, // text", len(src.Constants), want)
	}

	structs := map[string]bool{}
	for _, m := range reStruct.FindAllStringSubmatch(cu, -1) {
		s := Struct{Name: m[1]}
		if strings.Contains(m[2], "(") {
			continue // it has methods, so it is no parameter
		}
		for _, line := range strings.Split(strings.TrimRight(m[2], "\n"), "\n") {
			f, err := parseField(line, values, structs)
			if err != nil {
				return nil, fmt.Errorf("wrapgen: struct %s: %w", s.Name, err)
			}
			s.Fields = append(s.Fields, f)
		}
		structs[s.Name] = true
		src.Structs = append(src.Structs, s)
	}

	for _, m := range reKernel.FindAllStringSubmatch(cu, -1) {
		block, ok := values[m[1]]
		if !ok {
			return nil, fmt.Errorf("wrapgen: kernel %s: its launch bound %s is not a constant", m[2], m[1])
		}
		k := Kernel{Name: m[2], Block: block}
		for _, p := range strings.Split(m[3], ",") {
			p = strings.Join(strings.Fields(strings.ReplaceAll(p, "__restrict__", "")), " ")
			f, err := parseField(p+";", values, structs)
			if err != nil {
				return nil, fmt.Errorf("wrapgen: kernel %s: %w", k.Name, err)
			}
			if structs[f.Type] {
				k.Struct = f.Type
			}
			k.Params = append(k.Params, f)
		}
		if k.Struct != "" && len(k.Params) > 1 {
			return nil, fmt.Errorf("wrapgen: kernel %s: a struct has to be the only parameter (see Launcher)", k.Name)
		}
		src.Kernels = append(src.Kernels, k)
	}
	if want := len(reEntry.FindAllString(reComment.ReplaceAllString(cu, ""), -1)); want != len(src.Kernels) {
		return nil, fmt.Errorf("wrapgen: %d of %d kernels are of the form extern \"C\" __global__ void __launch_bounds__(…) name(…)", len(src.Kernels), want)
	}

	used := map[string]bool{}
	for _, k := range src.Kernels {
		used[k.Struct] = true
	}
	for _, s := range slices.Backward(src.Structs) {
		for _, f := range s.Fields {
			used[f.Type] = used[f.Type] || used[s.Name]
		}
	}
	src.Structs = slices.DeleteFunc(src.Structs, func(s Struct) bool { return !used[s.Name] })
	return src, nil
}

// parseField reads one declaration, such as "const float *e;  // [batch, logits]".
func parseField(line string, values map[string]int, structs map[string]bool) (Field, error) {
	m := reField.FindStringSubmatch(line)
	if m == nil {
		return Field{}, fmt.Errorf("cannot read the declaration %q", strings.TrimSpace(line))
	}
	f := Field{Name: m[2], Doc: m[4]}
	switch typ := strings.TrimSpace(m[1]); {
	case strings.HasSuffix(typ, "*"):
		f.Type = pointer
	case typ == "int":
		f.Type = integer
	case typ == "float":
		f.Type = float
	case structs[typ]:
		f.Type = typ
	default:
		return Field{}, fmt.Errorf("%s has the type %q: only pointers, int, float and structs can be passed", f.Name, typ)
	}
	if m[3] != "" {
		n, ok := values[m[3]]
		if !ok {
			return Field{}, fmt.Errorf("the length %s of %s is not a constant", m[3], f.Name)
		}
		f.Array = n
	}
	return f, nil
}
