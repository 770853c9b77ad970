// Command gen writes functions_gen.go and symbols_gen.h of package capi: the C functions that functions.txt answers
// with one method of softgpu.Machine, and the list of all C functions of the package. Run it with
// `go generate ./softgpu/capi`.
package main

import (
	"fmt"
	"go/format"
	"io/fs"
	"log"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"mdfa/gpu/cuda/include/cheader"
	"mdfa/softgpu"
)

const (
	table     = "functions.txt"
	functions = "functions_gen.go"
	symbols   = "symbols_gen.h"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	// go generate runs in the folder of the package.
	files, err := generate(os.DirFS("."), os.DirFS("../../gpu/cuda/include"))
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// generate returns the generated files by name, from the package's folder and the folder of the headers.
func generate(folder, include fs.FS) (map[string][]byte, error) {
	header, err := cheader.Read(include, cheader.Files()...)
	if err != nil {
		return nil, err
	}
	prototypes := map[string]cheader.Function{}
	for _, f := range header.Functions {
		prototypes[f.Name] = f
	}
	names, err := handWritten(folder)
	if err != nil {
		return nil, err
	}
	rows, err := fs.ReadFile(folder, table)
	if err != nil {
		return nil, err
	}
	var code strings.Builder
	code.WriteString(head)
	for i, line := range strings.Split(string(rows), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		r, err := parse(line, prototypes)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", table, i+1, err)
		}
		r.write(&code)
		names = append(names, r.prototype.Name)
	}
	source, err := format.Source([]byte(code.String()))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	list := "// " + generated + "\n// SYMBOL(name): every C function of this package, sorted by name.\n"
	for _, name := range names {
		list += "SYMBOL(" + name + ")\n"
	}
	return map[string][]byte{functions: source, symbols: []byte(list)}, nil
}

var export = regexp.MustCompile(`(?m)^//export emu_(\w+)$`)

// handWritten returns the symbols that hand-written files of the package export.
func handWritten(folder fs.FS) ([]string, error) {
	files, err := fs.Glob(folder, "*.go")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		if file == functions {
			continue
		}
		text, err := fs.ReadFile(folder, file)
		if err != nil {
			return nil, err
		}
		for _, m := range export.FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	return names, nil
}

// A row is one line of the table, with the types of both sides.
type row struct {
	prototype cheader.Function
	params    []param
	outputs   []output
	method    reflect.Method
	arguments []string
}

// A param is a parameter of the C function.
type param struct{ name, ctype string }

// An output is a parameter of the C function that a result of the method is written through.
type output struct {
	param
	optional bool // null is allowed
}

var line = regexp.MustCompile(`^(\w+) +(?:(.+) = )?(\w+)\((.*)\)$`)

// parse reads a line of the table and finds the types of both sides.
func parse(text string, prototypes map[string]cheader.Function) (row, error) {
	m := line.FindStringSubmatch(text)
	if m == nil {
		return row{}, fmt.Errorf("not a row of the table: %q", text)
	}
	prototype, found := prototypes[m[1]]
	if !found {
		return row{}, fmt.Errorf("%s has no prototype in gpu/cuda/include", m[1])
	}
	r := row{prototype: prototype, arguments: fields(m[4])}
	if prototype.Params != "void" {
		for _, p := range fields(prototype.Params) {
			at := strings.LastIndexAny(p, " *") + 1
			r.params = append(r.params, param{p[at:], strings.TrimSpace(p[:at])})
		}
	}
	if r.method, found = reflect.TypeFor[*softgpu.Machine]().MethodByName(m[3]); !found {
		return row{}, fmt.Errorf("softgpu.Machine has no method %s", m[3])
	}
	for _, name := range fields(m[2]) {
		name, optional := strings.CutSuffix(name, "?")
		p, found := r.param(name)
		if !found || !strings.HasSuffix(p.ctype, "*") {
			return row{}, fmt.Errorf("%s has no pointer %s", prototype.Name, name)
		}
		r.outputs = append(r.outputs, output{p, optional})
	}
	if n := r.method.Type.NumOut() - 1; n != len(r.outputs) {
		return row{}, fmt.Errorf("%s has %d results besides its answer, the row %d outputs", m[3], n, len(r.outputs))
	}
	if n := r.method.Type.NumIn() - r.first(); n != len(r.arguments) {
		return row{}, fmt.Errorf("%s takes %d arguments, the row has %d", m[3], n, len(r.arguments))
	}
	return r, nil
}

// fields splits a list at its commas.
func fields(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ", ")
}

func (r row) param(name string) (param, bool) {
	i := slices.IndexFunc(r.params, func(p param) bool { return p.name == name })
	if i < 0 {
		return param{}, false
	}
	return r.params[i], true
}

// first returns the index of the method's first argument behind the receiver and, if it takes one, the thread.
func (r row) first() int {
	if t := r.method.Type; t.NumIn() > 1 && t.In(1) == reflect.TypeFor[softgpu.Thread]() {
		return 2
	}
	return 1
}

const generated = "Code generated by go generate from functions.txt and the headers in gpu/cuda/include. DO NOT EDIT."

const head = `//go:build cuda && linux && (amd64 || arm64)

// ` + generated + `

package capi

// #include "capi.h"
import "C"

import (
	"unsafe"

	"mdfa/softgpu"
)
`

var version = regexp.MustCompile(`_v\d+$`)

// write appends the Go function of a row.
func (r row) write(code *strings.Builder) {
	var params, needed []string // needed are the pointers that must not be null
	for _, p := range r.params {
		params = append(params, p.name+" "+cgo(p.ctype))
		if r.needs(p) {
			needed = append(needed, p.name)
		}
	}
	name, answer := r.prototype.Name, r.prototype.Result
	fmt.Fprintf(code, "\n//export emu_%[1]s\nfunc emu_%[1]s(%[2]s) C.%[3]s {\n", name, strings.Join(params, ", "), answer)
	if len(needed) > 0 {
		null := "null"
		switch answer {
		case "cublasStatus_t":
			null = "nullStatus"
		case "ncclResult_t":
			null = "nullComm"
		}
		fmt.Fprintf(code, "\tif %s == nil {\n\t\treturn %s(%q)\n\t}\n", strings.Join(needed, " == nil || "), null,
			version.ReplaceAllString(name, "")+": "+strings.Join(needed, " or "))
	}
	var arguments, results []string
	if r.first() == 2 {
		arguments = append(arguments, "thread()")
	}
	for i, a := range r.arguments {
		if p, found := r.param(a); found {
			a = convert(p, r.method.Type.In(r.first()+i))
		}
		arguments = append(arguments, a)
	}
	for i := range r.outputs {
		results = append(results, fmt.Sprintf("v%d", i))
	}
	call := fmt.Sprintf("machine().%s(%s)", r.method.Name, strings.Join(arguments, ", "))
	if len(results) == 0 {
		fmt.Fprintf(code, "\treturn C.%s(%s)\n}\n", answer, call)
		return
	}
	fmt.Fprintf(code, "\t%s, r := %s\n", strings.Join(results, ", "), call)
	for i, out := range r.outputs {
		fmt.Fprintf(code, "\t%s\n", assign(out.param, results[i], r.method.Type.Out(i)))
	}
	fmt.Fprintf(code, "\treturn C.%s(r)\n}\n", answer)
}

// needs reports whether null is refused in place of a parameter.
func (r row) needs(p param) bool {
	if i := slices.IndexFunc(r.outputs, func(o output) bool { return o.name == p.name }); i >= 0 {
		return !r.outputs[i].optional
	}
	i := slices.Index(r.arguments, p.name)
	return i >= 0 && r.method.Type.In(r.first()+i).Kind() == reflect.String
}

// convert returns the Go text that turns a C parameter into an argument of type t.
func convert(p param, t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[softgpu.Handle]():
		return "handle(" + p.name + ")"
	case t.Kind() == reflect.String:
		return "C.GoString(" + p.name + ")"
	case t.Kind() != reflect.UnsafePointer && strings.HasSuffix(p.ctype, "*"):
		return "address(unsafe.Pointer(" + p.name + "))"
	}
	return t.String() + "(" + p.name + ")"
}

// assign returns the Go statement that writes a result of type t through a C parameter.
func assign(p param, value string, t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Bool:
		return fmt.Sprintf("set(%s, number(%s), r)", p.name, value)
	case t == reflect.TypeFor[softgpu.Handle]() || t.Kind() == reflect.Array:
		return fmt.Sprintf("set((*%s)(unsafe.Pointer(%s)), %s, r)", t, p.name, value)
	}
	return fmt.Sprintf("set(%s, %s(%s), r)", p.name, cgo(strings.TrimSuffix(p.ctype, "*")), value)
}

// cgo returns the Go name of a C type.
func cgo(ctype string) string {
	ctype = strings.TrimSpace(ctype)
	switch ctype {
	case "void *":
		return "unsafe.Pointer"
	case "const void *":
		return "C.const_pointer"
	}
	if to, pointer := strings.CutSuffix(ctype, "*"); pointer {
		return "*" + cgo(to)
	}
	return "C." + strings.NewReplacer("unsigned ", "u", "long long", "longlong", "const ", "const_").Replace(ctype)
}
