package main

import (
	"fmt"
	"strings"

	"mdfa/gpu/cuda/include/cheader"
)

// An item is one thing to compare: a line of C that prints what a set of headers says about a name, or that
// compiles only if the headers agree with ours.
type item struct {
	name        string // as an exception names it
	print       string // a statement for main; "" if it only has to compile
	declaration string // placed before main; "" for a statement
}

const preamble = `#include <cuda.h>
#include <cublas_v2.h>
#include <nccl.h>
#include <stddef.h>
#include <stdio.h>
#define TEXT(x) #x
#define EXPANDED(x) TEXT(x)
#define SIGNED(T) ((T)-1 < (T)1)
`

// items derives everything that can be compared from our headers: the value of each constant, size, alignment and
// signedness of each type, offset and size of each field, the symbol behind each alias and the type of each
// function.
func items(h cheader.Header) []item {
	var list []item
	constant := func(name string) {
		list = append(list, item{name: name, print: fmt.Sprintf(`printf("%s = %%lld\n", (long long)%s);`, name, name)})
	}
	layout := func(name string, signed bool) {
		format, arguments := `printf("%[1]s: size %%zu, alignment %%zu`, `, sizeof(%[1]s), _Alignof(%[1]s)`
		if signed {
			format += `, signed %%d`
			arguments += `, SIGNED(%[1]s)`
		}
		list = append(list, item{name: name, print: fmt.Sprintf(format+`\n"`+arguments+`);`, name)})
	}
	for _, name := range h.Constants {
		constant(name)
	}
	for _, e := range h.Enums {
		layout(e.Name, true)
		for _, name := range e.Constants {
			constant(name)
		}
	}
	for _, t := range h.Types {
		layout(t.Name, t.Kind == cheader.Integer)
	}
	for _, s := range h.Structs {
		layout(s.Name, false)
		for _, f := range s.Fields {
			list = append(list, item{name: s.Name + "." + f, print: fmt.Sprintf(
				`printf("%[1]s.%[2]s: offset %%zu, size %%zu\n", offsetof(%[1]s, %[2]s), sizeof(((%[1]s *)0)->%[2]s));`,
				s.Name, f)})
		}
	}
	for _, a := range h.Aliases {
		list = append(list, item{name: a.Name, print: fmt.Sprintf(`puts("%s is " EXPANDED(%s));`, a.Name, a.Name)})
	}
	for _, f := range h.Functions {
		// Not a prototype of our own nor an assignment: those are warnings, or errors, by the compiler's flags.
		list = append(list, item{name: f.Name, declaration: fmt.Sprintf(
			`_Static_assert(__builtin_types_compatible_p(__typeof__(%s), %s(%s)), "another type");`,
			f.Name, f.Result, f.Params)})
	}
	return list
}

// program returns the C source that prints and checks the items, one on each line, and the item of each line, so that a
// compiler's complaint can be traced to it.
func program(list []item) (source string, lines map[int]string) {
	var text strings.Builder
	text.WriteString(preamble)
	line := strings.Count(preamble, "\n")
	lines = map[int]string{}
	write := func(s, name string) {
		text.WriteString(s + "\n")
		line++
		if name != "" {
			lines[line] = name
		}
	}
	for _, it := range list {
		if it.declaration != "" {
			write(it.declaration, it.name)
		}
	}
	write("int main(void) {", "")
	for _, it := range list {
		if it.print != "" {
			write(it.print, it.name)
		}
	}
	write("return 0; }", "")
	return text.String(), lines
}
