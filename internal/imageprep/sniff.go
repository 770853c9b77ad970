package imageprep

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Format is what a file is by its first bytes, in words that fit behind "it is".
type Format string

// The formats that Sniff tells apart. Only JPEG and PNG are decoded; the others are
// known so that a message can name them.
const (
	Empty   Format = "an empty file"
	JPEG    Format = "a JPEG file"
	PNG     Format = "a PNG file"
	GIF     Format = "a GIF file"
	WebP    Format = "a WebP file"
	TIFF    Format = "a TIFF file"
	BMP     Format = "a BMP file"
	HEIC    Format = "a HEIC file"
	AVIF    Format = "an AVIF file"
	Tar     Format = "a tar archive"
	Gzip    Format = "a gzip file"
	Zip     Format = "a zip file"
	Markup  Format = "a web page or other markup"
	Unknown Format = "no image of a known format"
)

// Where the magic of a tar header lies (POSIX.1-2017, pax interchange format).
const tarMagicAt = 257

// heicBrands are the types by which HEIC files begin (ISO/IEC 23008-12, annex B).
var heicBrands = []string{"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}

// IsImage says whether a file is a picture, of a format that is read or not.
func (f Format) IsImage() bool {
	return slices.Contains([]Format{JPEG, PNG, GIF, WebP, TIFF, BMP, HEIC, AVIF}, f)
}

// Sniff tells a file's format by its content; its name does not count. ImageNet has a
// PNG file that is called .JPEG.
func Sniff(file []byte) Format {
	begins := func(magic string) bool { return bytes.HasPrefix(file, []byte(magic)) }
	switch {
	case len(file) == 0:
		return Empty
	case begins("\xff\xd8\xff"):
		return JPEG
	case begins("\x89PNG\r\n\x1a\n"):
		return PNG
	case begins("GIF87a"), begins("GIF89a"):
		return GIF
	case begins("RIFF") && len(file) >= 12 && string(file[8:12]) == "WEBP":
		return WebP
	case len(file) >= 12 && string(file[4:8]) == "ftyp" && slices.Contains(heicBrands, string(file[8:12])):
		return HEIC
	case len(file) >= 12 && string(file[4:11]) == "ftypavi":
		return AVIF
	case begins("II*\x00"), begins("MM\x00*"):
		return TIFF
	case begins("BM") && len(file) >= 14:
		return BMP
	case begins("\x1f\x8b"):
		return Gzip
	case begins("PK\x03\x04"):
		return Zip
	case len(file) > tarMagicAt+5 && string(file[tarMagicAt:tarMagicAt+5]) == "ustar":
		return Tar
	case bytes.HasPrefix(bytes.TrimLeft(file[:min(len(file), 64)], " \t\r\n\xef\xbb\xbf"), []byte("<")):
		return Markup
	}
	return Unknown
}

// What image/jpeg says when the entropy-coded data ends before the picture does.
const shortJPEG = "short Huffman data"

// decodeError says what a decoder found wrong.
func decodeError(format Format, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return imageErrorf("%s that is cut off", format)
	}
	if format == JPEG && strings.Contains(err.Error(), shortJPEG) {
		return imageErrorf("%s that is cut off (its picture data ends early)", format)
	}
	return imageErrorf("%s that cannot be decoded (%s)", format, oneLine(err))
}

// oneLine keeps a decoder's words fit for a list.
func oneLine(err error) string {
	const most = 200 // characters; a decoder says less
	return strings.Join(strings.Fields(fmt.Sprintf("%.*s", most, err.Error())), " ")
}
