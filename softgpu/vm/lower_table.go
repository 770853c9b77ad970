package vm

import "mdfa/softgpu/ptx"

// lowerer functions by opcode; filled by init to allow them to refer to it.
var lowerers map[string]func(*lowerer, *ptx.Instr, *modifiers) error

func init() {
	lowerers = map[string]func(*lowerer, *ptx.Instr, *modifiers) error{
		"add": lowerAddSub, "sub": lowerAddSub, "addc": lowerAddSub, "subc": lowerAddSub,
		"mul": lowerMul, "mad": lowerMad, "madc": lowerMad, "fma": lowerFma,
		"div": lowerDiv, "rem": lowerRem, "abs": lowerAbsNeg, "neg": lowerAbsNeg,
		"min": lowerMinMax, "max": lowerMinMax, "sad": lowerSad,
		"mul24": lowerMul24, "mad24": lowerMul24, "dp4a": lowerDp4a,
		"and": lowerLogic, "or": lowerLogic, "xor": lowerLogic, "not": lowerNot, "cnot": lowerNot,
		"shl": lowerShift, "shr": lowerShift, "shf": lowerShf, "lop3": lowerLop3, "prmt": lowerPrmt,
		"bfe": lowerBitField, "bfi": lowerBfi, "bfind": lowerBfind,
		"clz": lowerBitCount, "popc": lowerBitCount, "brev": lowerBitCount,
		"sqrt": lowerUnaryFloat, "rsqrt": lowerUnaryFloat, "rcp": lowerUnaryFloat, "ex2": lowerUnaryFloat,
		"lg2": lowerUnaryFloat, "sin": lowerUnaryFloat, "cos": lowerUnaryFloat, "tanh": lowerUnaryFloat,
		"copysign": lowerCopysign, "testp": lowerTestp,
		"setp": lowerSetp, "set": lowerSet, "selp": lowerSelp, "slct": lowerSlct,
		"mov": lowerMov, "cvt": lowerCvt, "cvta": lowerCvta, "isspacep": lowerIsspacep,
		"ld": lowerLd, "ldu": lowerLd, "st": lowerSt, "atom": lowerAtom, "red": lowerAtom, "prefetch": lowerPrefetch, "prefetchu": lowerPrefetch,
		"bra": lowerBra, "brx": lowerBrx, "ret": lowerRet, "exit": lowerExit, "trap": lowerTrap, "brkpt": lowerTrap, "call": lowerCall,
		"bar": lowerBar, "barrier": lowerBar, "membar": lowerFence, "fence": lowerFence, "nanosleep": lowerNanosleep,
		"shfl": lowerShfl, "vote": lowerVote, "match": lowerMatch, "activemask": lowerActiveMask, "redux": lowerRedux,
	}
}
