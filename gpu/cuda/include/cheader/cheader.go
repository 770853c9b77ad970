// Package cheader reads the project's own CUDA headers (gpu/cuda/include): enumerations, structs, type names,
// prototypes and the macros that rename symbols. It understands only the C that those headers use, and any other text
// is an error, so that generators and checks overlook nothing.
package cheader

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// A Header is the declarations of one or more header files, in the order of the text.
type Header struct {
	Functions []Function
	Aliases   []Alias
	Enums     []Enum
	Constants []string // names of numeric macros
	Structs   []Struct
	Types     []Type
}

// A Function is one prototype, which is one symbol of the C ABI.
type Function struct {
	Name   string // cuMemAlloc_v2
	Result string // CUresult
	Params string // CUdeviceptr *address, size_t bytes
}

// An Alias is a macro that gives a symbol the name which source code uses.
type Alias struct {
	Name   string // cuMemAlloc
	Symbol string // cuMemAlloc_v2
}

// An Enum is an enumeration with a type name.
type Enum struct {
	Name      string
	Constants []string
}

// A Struct is a structure with a type name. An array field is listed by its name alone.
type Struct struct {
	Name   string
	Fields []string
}

// A Type is any other typedef.
type Type struct {
	Name string
	Kind Kind
}

// Kind is the kind of a typedef.
type Kind int

// The kinds of typedef that the headers use.
const (
	Integer  Kind = iota // a plain integer
	Handle               // a pointer to a struct that only the library looks into
	Callback             // a pointer to a function
)

var (
	comment   = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)
	alias     = regexp.MustCompile(`^#define\s+(\w+)\s+(cu\w+)$`)
	number    = regexp.MustCompile(`^#define\s+(\w+)\s+(?:0x[0-9a-fA-F]+|\d+)$`)
	directive = regexp.MustCompile(`^#(include\s.*|ifndef\s+\w+|define\s+\w+|endif)$`)

	prototype = regexp.MustCompile(`^(?:(CUresult|cublasStatus_t) (cu\w+)|(ncclResult_t |const char \*)(nccl\w+))\(([^()]+)\)$`)
	enum      = regexp.MustCompile(`^typedef enum(?: \w+)? \{ (.*?),? \} (\w+)$`)
	structure = regexp.MustCompile(`^typedef struct(?: \w+)? \{ (.*) \} (?:__attribute__\(\(aligned\(\d+\)\)\) )?(\w+)$`)
	handle    = regexp.MustCompile(`^typedef struct \w+ \*(\w+)$`)
	callback  = regexp.MustCompile(`^typedef void \(\*(\w+)\)\(.*\)$`)
	integer   = regexp.MustCompile(`^typedef (?:unsigned long long|int|uint32_t) (\w+)$`)
	field     = regexp.MustCompile(`(\w+)(?:\[\d+\])?$`)
)

// Read parses the named files of fsys and joins their declarations. The error names the file and the text that is not
// understood.
func Read(fsys fs.FS, names ...string) (Header, error) {
	var all Header
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return Header{}, fmt.Errorf("cheader: %w", err)
		}
		if err := all.parse(string(text)); err != nil {
			return Header{}, fmt.Errorf("cheader: %s: %w", name, err)
		}
	}
	return all, nil
}

// Files are the names of the project's headers within gpu/cuda/include, each behind those that it includes.
func Files() []string { return []string{"cuda_constants.h", "cuda.h", "cublas_v2.h", "nccl.h"} }

func (h *Header) parse(text string) error {
	var code strings.Builder
	for _, line := range strings.Split(comment.ReplaceAllString(text, ""), "\n") {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "#") {
			code.WriteString(line)
			code.WriteByte(' ')
			continue
		}
		if m := alias.FindStringSubmatch(line); m != nil {
			h.Aliases = append(h.Aliases, Alias{Name: m[1], Symbol: m[2]})
		} else if m := number.FindStringSubmatch(line); m != nil {
			h.Constants = append(h.Constants, m[1])
		} else if !directive.MatchString(line) {
			return fmt.Errorf("directive not understood: %s", line)
		}
	}
	for _, declaration := range split(code.String()) {
		if err := h.declare(declaration); err != nil {
			return err
		}
	}
	return nil
}

// split cuts code at the semicolons outside braces and gives every run of white space one blank.
func split(code string) []string {
	var declarations []string
	depth, start := 0, 0
	cut := func(end int) {
		if d := strings.Join(strings.Fields(code[start:end]), " "); d != "" {
			declarations = append(declarations, d)
		}
		start = end + 1
	}
	for i, c := range code {
		switch {
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == ';' && depth == 0:
			cut(i)
		}
	}
	cut(len(code)) // the text behind the last semicolon: empty in a sound header
	return declarations
}

func (h *Header) declare(d string) error {
	if m := prototype.FindStringSubmatch(d); m != nil {
		h.Functions = append(h.Functions, Function{Name: m[2] + m[4], Result: strings.TrimSpace(m[1] + m[3]), Params: m[5]})
	} else if m := enum.FindStringSubmatch(d); m != nil {
		e := Enum{Name: m[2]}
		for _, constant := range strings.Split(m[1], ",") {
			name, _, ok := strings.Cut(constant, "=")
			if !ok {
				return fmt.Errorf("enumeration %s: %q has no value of its own", e.Name, strings.TrimSpace(constant))
			}
			e.Constants = append(e.Constants, strings.TrimSpace(name))
		}
		h.Enums = append(h.Enums, e)
	} else if m := structure.FindStringSubmatch(d); m != nil {
		s := Struct{Name: m[2]}
		for _, f := range strings.Split(strings.TrimSuffix(m[1], ";"), ";") {
			name := field.FindStringSubmatch(strings.TrimSpace(f))
			if name == nil {
				return fmt.Errorf("struct %s: field not understood: %q", s.Name, f)
			}
			s.Fields = append(s.Fields, name[1])
		}
		h.Structs = append(h.Structs, s)
	} else if m := handle.FindStringSubmatch(d); m != nil {
		h.Types = append(h.Types, Type{Name: m[1], Kind: Handle})
	} else if m := callback.FindStringSubmatch(d); m != nil {
		h.Types = append(h.Types, Type{Name: m[1], Kind: Callback})
	} else if m := integer.FindStringSubmatch(d); m != nil {
		h.Types = append(h.Types, Type{Name: m[1], Kind: Integer})
	} else {
		return fmt.Errorf("declaration not understood: %s", d)
	}
	return nil
}
