module mdfa

go 1.26
