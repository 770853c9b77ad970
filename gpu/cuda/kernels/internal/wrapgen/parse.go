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
	"strconv"
	"strings"
)

// Source is what the launcher has to know of kernels.cu.
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
	Type  string // "pointer", "int", "float", or the name of a struct
	Array int    // elements, 0 for a single one
	Doc   string
}

// Kernel is one entry point.
type Kernel struct {
	Name   string
	Block  int // the most threads of a block: its __launch_bounds__
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

	structs := map[string]Struct{}
	var order []string
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
		structs[s.Name] = s
		order = append(order, s.Name)
	}

	used := map[string]bool{}
	var use func(name string)
	use = func(name string) {
		used[name] = true
		for _, f := range structs[name].Fields {
			if _, ok := structs[f.Type]; ok {
				use(f.Type)
			}
		}
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
			if _, ok := structs[f.Type]; ok {
				use(f.Type)
			}
			k.Params = append(k.Params, f)
		}
		if len(k.Params) > 1 {
			for _, p := range k.Params {
				if _, ok := structs[p.Type]; ok {
					return nil, fmt.Errorf("wrapgen: kernel %s: a struct has to be the only parameter (see Words)", k.Name)
				}
			}
		}
		src.Kernels = append(src.Kernels, k)
	}
	if want := len(reEntry.FindAllString(reComment.ReplaceAllString(cu, ""), -1)); want != len(src.Kernels) {
		return nil, fmt.Errorf("wrapgen: %d of %d kernels are of the form extern \"C\" __global__ void __launch_bounds__(…) name(…)", len(src.Kernels), want)
	}
	for _, name := range order {
		if used[name] {
			src.Structs = append(src.Structs, structs[name])
		}
	}
	return src, nil
}

// parseField reads one declaration, such as "const float *e;  // [batch, logits]".
func parseField(line string, values map[string]int, structs map[string]Struct) (Field, error) {
	m := reField.FindStringSubmatch(line)
	if m == nil {
		return Field{}, fmt.Errorf("cannot read the declaration %q", strings.TrimSpace(line))
	}
	f := Field{Name: m[2], Doc: m[4]}
	switch typ := strings.TrimSpace(m[1]); {
	case strings.HasSuffix(typ, "*"):
		f.Type = "pointer"
	case typ == "int" || typ == "float":
		f.Type = typ
	default:
		if _, ok := structs[typ]; !ok {
			return Field{}, fmt.Errorf("%s has the type %q: only pointers, int, float and structs can be passed", f.Name, typ)
		}
		f.Type = typ
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
