package ptx

import "fmt"

// Version is a PTX ISA version, as in ".version 8.0".
type Version struct{ Major, Minor int }

// String gives the version as PTX writes it.
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Space is a PTX state space (PTX ISA, "State Spaces").
type Space uint8

// The state spaces. Generic stands for "no space named".
const (
	Generic Space = iota
	Global
	Shared
	Local
	Const
	Param
)

var spaceNames = [...]string{"generic", "global", "shared", "local", "const", "param"}

// String gives the space's PTX name.
func (s Space) String() string { return spaceNames[s] }

// Linkage is how a symbol is seen from other modules.
type Linkage uint8

// The linking directives; Internal is the default without any.
const (
	Internal Linkage = iota
	Visible
	Weak
	Extern
	Common
)

// Module is one parsed PTX file.
type Module struct {
	Version     Version
	Target      string // as written, for example "sm_70"
	SM          int    // 70 for sm_70
	AddressSize int    // 64, or 32
	Files       map[int]string
	Vars        []*Var  // module-scope .global, .const, .shared, in order
	Funcs       []*Func // every .entry and .func, in order, prototypes included
}

// Func finds a function or entry by name; a definition is preferred to a
// prototype. It returns nil if the module has no such function.
func (m *Module) Func(name string) *Func {
	var proto *Func
	for _, f := range m.Funcs {
		if f.Name == name {
			if f.Defined {
				return f
			}
			proto = f
		}
	}
	return proto
}

// Var is a declared variable or parameter.
type Var struct {
	Name    string
	Space   Space
	Linkage Linkage
	Type    Type
	Vec     int      // 1, 2 or 4
	Dims    []uint64 // array extents; empty for a scalar; a first extent of 0 is "[]"
	Align   uint64   // bytes; at least the natural alignment of one element
	Size    uint64   // bytes in all; 0 for an unsized extern array
	Init    []Init   // initial values, by offset; bytes not named are zero
	Line    int
}

// Init is one initialised element of a variable.
type Init struct {
	Offset uint64
	Size   int    // bytes
	Bits   uint64 // little-endian value, when Sym is empty
	Sym    string // a variable or function whose address is the value
	Addend int64
}

// Reg is a declared register.
type Reg struct {
	Name string
	Type Type
	ID   int // dense within its function, in order of first use
}

// Label is a branch target; Index is the position in Func.Body it names
// (len(Body) for one at the end).
type Label struct {
	Name    string
	Index   int
	Line    int
	Targets []*Label // for a .branchtargets list, its entries
}

// SrcLoc is a source position given by a .loc directive.
type SrcLoc struct{ File, Line, Col int }

// Func is an .entry (kernel) or a .func (device function).
type Func struct {
	Name    string
	Entry   bool
	Defined bool // has a body
	Linkage Linkage
	Params  []*Formal
	Rets    []*Formal
	Vars    []*Var // function-scope .local, .shared, .param, .const, .global
	Regs    []*Reg
	Body    []*Instr
	Line    int

	// Performance directives; zero where absent.
	MaxNTid, ReqNTid     [3]int
	MinNCTAPerSM, MaxReg int
	NoReturn             bool
}

// Formal is a parameter of a function: a .param variable, or a register.
type Formal struct {
	Var *Var
	Reg *Reg
}

// Instr is one instruction.
type Instr struct {
	Pred    *Reg // guard, or nil
	PredNot bool
	Op      string   // first word of the opcode: "ld"
	Mods    []string // the others, without dots: "global", "v4", "f32"
	Args    []Operand
	Line    int
	Loc     *SrcLoc // nil without debug information
}

// Opcode gives the opcode as written, for example "ld.global.v4.f32".
func (in *Instr) Opcode() string {
	s := in.Op
	for _, m := range in.Mods {
		s += "." + m
	}
	return s
}

// OperandKind says which fields of an Operand count.
type OperandKind uint8

// The operand kinds.
const (
	KReg     OperandKind = iota + 1 // Reg (PredNot when written !%p)
	KSpecial                        // Name: a special register, "%tid.x"
	KInt                            // Int, two's complement
	KFloat                          // Int holds IEEE bits of width FloatBits
	KVar                            // Var and Off: an address, or a parameter as a call argument
	KAddr                           // [Reg+Off], [Var+Off] or [Off]
	KLabel                          // Label
	KVec                            // {Elems...}
	KArgs                           // (Elems...) of a call
	KFunc                           // Name: a function
	KSink                           // _
	KPair                           // Elems[0]|Elems[1]
)

// Operand is one operand of an instruction.
type Operand struct {
	Kind      OperandKind
	Not       bool // !%p
	FloatBits int  // 32 or 64
	Int       uint64
	Off       int64
	Reg       *Reg
	Var       *Var
	Label     *Label
	Name      string
	Elems     []Operand
}
