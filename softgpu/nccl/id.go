package nccl

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// ID names a communicator: ncclUniqueId. It holds the addresses of the socket that its maker listens on.
type ID [128]byte

// The layout of an ID: the magic, a secret by which the socket knows its ranks, the port, and addresses of 16 bytes.
const (
	magic      = "softNCCL"
	secretAt   = len(magic)
	secretSize = 16
	portAt     = secretAt + secretSize
	firstAt    = portAt + 2
)

// NewID makes an ID and begins to wait for the ranks: limit is the time for all ranks to come, and for each to come to a
// sum that another waits in.
func NewID(limit time.Duration) (ID, error) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		return ID{}, fmt.Errorf("softgpu: no socket for the ranks: %w", err)
	}
	var id ID
	copy(id[:], magic)
	_, _ = rand.Read(id[secretAt:portAt]) // it never fails
	binary.BigEndian.PutUint16(id[portAt:], uint16(listener.Addr().(*net.TCPAddr).Port))
	at := firstAt
	for _, address := range ownAddresses() {
		if at+16 > len(id) {
			break
		}
		as16 := address.As16()
		at += copy(id[at:], as16[:])
	}
	h := &hub{listener: listener.(*net.TCPListener), secret: string(id[secretAt:portAt]), limit: limit}
	go h.run()
	return id, nil
}

// ownAddresses lists the loopback address, for ranks on the same host, and those of the host's interfaces.
func ownAddresses() []netip.Addr {
	list := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	interfaces, _ := net.InterfaceAddrs() // without them only this host's ranks find it
	for _, i := range interfaces {
		prefix, err := netip.ParsePrefix(i.String())
		if err == nil && prefix.Addr().IsGlobalUnicast() {
			list = append(list, prefix.Addr())
		}
	}
	return list
}

// errNoID is the error of bytes that NewID did not make.
var errNoID = errors.New("softgpu: the unique id is none that ncclGetUniqueId has made")

// addresses returns where the socket may be reached.
func (id ID) addresses() (list []netip.AddrPort, err error) {
	if string(id[:secretAt]) != magic {
		return nil, errNoID
	}
	port := binary.BigEndian.Uint16(id[portAt:])
	for at := firstAt; at+16 <= len(id); at += 16 {
		address := netip.AddrFrom16([16]byte(id[at : at+16])).Unmap()
		if address.IsUnspecified() {
			break
		}
		list = append(list, netip.AddrPortFrom(address, port))
	}
	return list, nil
}
