package imageprep

import (
	"cmp"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// Format is a kind of file, in words that fit behind "it is".
type Format string

// The formats that callers handle. Only JPEG and PNG are decoded.
const (
	Empty   Format = "an empty file"
	JPEG    Format = "a JPEG file"
	PNG     Format = "a PNG file"
	Tar     Format = "a tar archive"
	Unknown Format = "no image of a known format"
)

// formats names the kinds of files that a message may mention.
var formats = map[string]Format{
	"image/jpeg": JPEG, "image/png": PNG, "image/gif": "a GIF file", "image/webp": "a WebP file",
	"image/tiff": "a TIFF file", "image/bmp": "a BMP file", "image/avif": "an AVIF file",
	"image/heic": heic, "image/heic-sequence": heic, "image/heif": heic, "image/heif-sequence": heic,
	"image/jxl": "a JPEG XL file", "image/jp2": "a JPEG 2000 file", "application/pdf": "a PDF file",
	"application/x-tar": Tar, "application/gzip": "a gzip file", "application/zip": "a zip file",
	"text/html": markup, "text/xml": markup, "image/svg+xml": markup,
}

const (
	heic   Format = "a HEIC file"
	markup Format = "a web page or other markup"
)

// IsImage reports whether a file is a picture, of a format that is read or of another.
func IsImage(file []byte) bool {
	kind := mediaType(file)
	return strings.HasPrefix(kind, "image/") && formats[kind] != markup
}

// Sniff tells a file's format by its content. Its name does not count: ImageNet has a PNG file that is
// called .JPEG.
func Sniff(file []byte) Format {
	if len(file) == 0 {
		return Empty
	}
	return cmp.Or(formats[mediaType(file)], Unknown)
}

// mediaType returns the narrowest media type of a file that formats holds, "" for none: an APNG is a
// PNG.
func mediaType(file []byte) string {
	for kind := mimetype.Detect(file); kind != nil; kind = kind.Parent() {
		name, _, _ := strings.Cut(kind.String(), ";") // "text/xml; charset=utf-8"
		if formats[name] != "" {
			return name
		}
	}
	return ""
}
