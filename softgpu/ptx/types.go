package ptx

// Type is a PTX fundamental type.
type Type uint8

// The fundamental types.
const (
	NoType Type = iota
	B8
	B16
	B32
	B64
	U8
	U16
	U32
	U64
	S8
	S16
	S32
	S64
	F16
	F16x2
	BF16
	BF16x2
	F32
	F64
	Pred
)

var typeInfo = [...]struct {
	name string
	bits int
}{
	NoType: {"", 0},
	B8:     {"b8", 8}, B16: {"b16", 16}, B32: {"b32", 32}, B64: {"b64", 64},
	U8: {"u8", 8}, U16: {"u16", 16}, U32: {"u32", 32}, U64: {"u64", 64},
	S8: {"s8", 8}, S16: {"s16", 16}, S32: {"s32", 32}, S64: {"s64", 64},
	F16: {"f16", 16}, F16x2: {"f16x2", 32}, BF16: {"bf16", 16}, BF16x2: {"bf16x2", 32},
	F32: {"f32", 32}, F64: {"f64", 64}, Pred: {"pred", 1},
}

var typeByName = func() map[string]Type {
	m := map[string]Type{}
	for t, info := range typeInfo {
		if info.name != "" {
			m[info.name] = Type(t)
		}
	}
	return m
}()

// TypeByName finds a type by its PTX name without the dot ("f32").
func TypeByName(name string) (Type, bool) { t, ok := typeByName[name]; return t, ok }

// String gives the type's PTX name without the dot.
func (t Type) String() string { return typeInfo[t].name }

// Bits is the type's width; a predicate has 1.
func (t Type) Bits() int { return typeInfo[t].bits }

// Bytes is the type's size in memory; 0 for a predicate.
func (t Type) Bytes() int { return typeInfo[t].bits / 8 }

// Signed reports a signed integer type.
func (t Type) Signed() bool { return t >= S8 && t <= S64 }

// Untyped reports a .b type.
func (t Type) Untyped() bool { return t >= B8 && t <= B64 }

// Float reports a floating-point type.
func (t Type) Float() bool { return t >= F16 && t <= F64 }
