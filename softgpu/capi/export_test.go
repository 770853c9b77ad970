//go:build cuda && linux && (amd64 || arm64)

package capi

// Table is the table that Install hands to package driver.
var Table = table
