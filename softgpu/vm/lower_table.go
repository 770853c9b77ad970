package vm

// lowerings holds all instructions that the interpreter knows, by opcode.
var lowerings = map[string]lowering{
	"add": lowerAddSub, "sub": lowerAddSub, "addc": lowerAddSub, "subc": lowerAddSub,
	"mul": lowerMul, "mad": lowerMad, "madc": lowerMad, "fma": lowerFma,
	"div": lowerDiv, "rem": lowerRem, "abs": lowerAbsNeg, "neg": lowerAbsNeg,
	"min": lowerMinMax, "max": lowerMinMax, "sad": lowerSad,
	"dp4a": lowerDp4a,
	"and":  lowerLogic, "or": lowerLogic, "xor": lowerLogic, "not": lowerLogic,
	"shl": lowerShift, "shr": lowerShift, "shf": lowerShf, "lop3": lowerLop3, "prmt": lowerPrmt,
	"bfe": lowerBfe, "bfi": lowerBfi, "bfind": lowerBfind,
	"clz": lowerBitCount, "popc": lowerBitCount, "brev": lowerBitCount,
	"sqrt": lowerUnaryFloat, "rsqrt": lowerUnaryFloat, "rcp": lowerUnaryFloat, "ex2": lowerUnaryFloat,
	"lg2": lowerUnaryFloat, "sin": lowerUnaryFloat, "cos": lowerUnaryFloat, "tanh": lowerUnaryFloat,
	"copysign": lowerCopysign,
	"setp":     lowerSetp, "selp": lowerSelp,
	"mov": lowerMov, "cvt": lowerCvt, "cvta": lowerCvta, "isspacep": lowerIsspacep,
	"ld": lowerLd, "st": lowerSt, "atom": lowerAtom, "red": lowerAtom,
	"bra": lowerBra, "brx": lowerBrx, "ret": lowerRet, "exit": lowerExit, "trap": lowerTrap, "brkpt": lowerTrap, "call": lowerCall,
	"bar": lowerBar, "barrier": lowerBar, "membar": lowerFence, "fence": lowerFence, "nanosleep": lowerNanosleep,
	"shfl": lowerShfl, "vote": lowerVote, "match": lowerMatch, "activemask": lowerActiveMask, "redux": lowerRedux,
}
