package imageprep

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"mdfa/internal/fault"
)

// ErrImage marks a fault of the image itself. Wrong arguments are other errors.
var ErrImage = errors.New("unreadable image")

// imageErrorf makes an ErrImage with a reason for the user, e.g. "cut off".
func imageErrorf(format string, args ...any) error { return fault.New(ErrImage, nil, format, args...) }

// shortJPEG is the error of image/jpeg for entropy-coded data that end before the picture does.
const shortJPEG = "short Huffman data"

// decodeError turns the error of a decoder into a reason for the user.
func decodeError(format Format, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return imageErrorf("%s that is cut off", format)
	}
	if format == JPEG && strings.Contains(err.Error(), shortJPEG) {
		return imageErrorf("%s that is cut off (its picture data ends early)", format)
	}
	return imageErrorf("%s that cannot be decoded (%s)", format, oneLine(err))
}

// oneLine cuts a decoder's error to a short line.
func oneLine(err error) string {
	const most = 200 // characters; a decoder says less
	return strings.Join(strings.Fields(fmt.Sprintf("%.*s", most, err.Error())), " ")
}
