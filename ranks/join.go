package ranks

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"mdfa/internal/version"
)

// Options say how ranks join. The zero value has a default for each.
type Options struct {
	// Version is the version of the program, which must be the same in all ranks. The default is the commit.
	Version string

	// JoinWait is how long ranks wait for one that has not started; 2 minutes by default.
	JoinWait time.Duration

	// Patience is how long a rank may make no progress (see [Group.Progress]) while another waits for it; 5 minutes by
	// default. A rank that is killed or stopped is found within seven seconds whatever it is.
	Patience time.Duration

	// NoAllReduce says that AllReduce will not be called, so that MPI is opened only where the ranks find each other by
	// it: under mpirun.
	NoAllReduce bool

	// Report is called with the fault that ended the ranks, in one of them, to print its sentence. It should return soon:
	// the other ranks hear of the fault only then, since mpirun kills all when the first one exits. They print nothing.
	Report func(*Fault)

	// Getenv reads an environment variable, with os.Getenv by default.
	Getenv func(string) string

	interval time.Duration // between heartbeats
	silence  int           // intervals without one after which a rank is lost
}

func (o *Options) complete() {
	if o.Version == "" {
		o.Version = version.Read().String()
	}
	if o.JoinWait == 0 {
		o.JoinWait = 2 * time.Minute
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Minute
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.interval == 0 {
		o.interval = time.Second
	}
	if o.silence == 0 {
		o.silence = 6
	}
}

// errNoAllReduce is AllReduce's where the options ruled it out.
var errNoAllReduce = errors.New("internal error: the ranks joined to call no AllReduce")

// errLate ends the context of Join after Options.JoinWait.
var errLate = errors.New("too late")

// Join finds out who this process is and waits until all ranks have joined. ctx is for joining alone. Rank 0 listens at
// a port that the others learn by MPI_Bcast; where torchrun started them it is the first free one of the eight after
// MASTER_PORT on MASTER_ADDR, and where srun did one from 20000 to 32007, by the job's number, on the step's first node.
//
// Errors are a sentence about the environment, about the network or about a missing MPI library, or a [*Fault] that all
// ranks have.
func Join(ctx context.Context, o Options) (*Group, error) {
	o.complete()
	l, err := findLauncher(o.Getenv)
	if err != nil {
		return nil, err
	}
	g := &Group{rank: l.rank, size: l.size, local: l.local, launcher: l.name, hosts: make([]string, l.size), interval: o.interval,
		report: o.Report, left: make(chan struct{})}
	g.ctx, g.end = context.WithCancelCause(context.Background())
	if g.hosts[g.rank], err = os.Hostname(); err != nil {
		return nil, err
	}
	if g.size == 1 {
		return g, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.JoinWait, errLate)
	defer cancel()
	if g.mpiErr = errNoAllReduce; l.address == "" || !o.NoAllReduce {
		if g.mpi, g.mpiErr = startMPI(ctx, l, o.Getenv); g.mpiErr != nil && l.address == "" {
			return nil, g.mpiErr
		}
	}
	if g.rank == 0 {
		err = g.host(ctx, l, o)
	} else {
		err = g.visit(ctx, l, o)
	}
	if err != nil {
		return nil, err
	}
	names, err := g.Gather(ctx, []byte(g.hosts[g.rank]))
	if err != nil {
		return nil, g.Leave(err)
	}
	g.joining.Lock()
	for r, name := range names {
		g.hosts[r] = string(name)
	}
	g.joining.Unlock()
	if g.rank == 0 {
		go g.watch(o.Patience)
	}
	return g, nil
}

// A meeting says where rank 0 listens, or why it does not.
type meeting struct {
	Addresses []string
	Token     string
	Error     string
}

// mostMeeting is the length of the array that carries a meeting by MPI.
const mostMeeting = 4 << 10

// host lets the other ranks join rank 0.
func (g *Group) host(ctx context.Context, l launcher, o Options) error {
	listener, err := listen(l)
	m := meeting{Token: l.job}
	if l.address == "" {
		if err == nil {
			m.Token = rand.Text()
			m.Addresses, err = addresses(listener)
		}
		if err != nil {
			m.Error = err.Error()
		}
		text, _ := json.Marshal(m) // of strings
		if len(text) > mostMeeting {
			text, _ = json.Marshal(meeting{Addresses: m.Addresses[:20], Token: m.Token})
		}
		if err := g.mpi.broadcast(ctx, append(text, make([]byte, mostMeeting-len(text))...)); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	defer listener.Close()
	arrivals := make(chan arrival)
	go receive(ctx, listener, arrivals)
	g.peers = make([]*connection, g.size)
	for missing := g.size - 1; missing > 0; {
		select {
		case a := <-arrivals:
			if a.Token != digest("join", m.Token) {
				a.c.Close() // of another job, or no rank at all
				continue
			}
			if f := g.refusal(a, o); f != nil {
				_ = greet(a.c, answer{Proof: digest("joined", m.Token), Fault: f})
				a.c.Close()
				g.fail(f)
				return f
			}
			if greet(a.c, answer{Proof: digest("joined", m.Token), Host: g.hosts[0]}) != nil {
				a.c.Close() // it comes again, or is missed
				continue
			}
			c := newConnection(a.c, a.Rank, a.Host, o)
			g.joining.Lock()
			g.peers[a.Rank], g.hosts[a.Rank] = c, a.Host
			g.joining.Unlock()
			go g.follow(c)
			missing--
		case <-g.ctx.Done():
			return context.Cause(g.ctx)
		case <-ctx.Done():
			return g.missed(ctx, missing, o)
		}
	}
	return nil
}

// missed ends the ranks that have joined since others have not.
func (g *Group) missed(ctx context.Context, missing int, o Options) error {
	if context.Cause(ctx) != errLate {
		return g.Leave(context.Cause(ctx))
	}
	first := 1
	for g.peers[first] != nil {
		first++
	}
	who := " has"
	if missing > 1 {
		who = fmt.Sprintf(" and %d more have", missing-1)
	}
	f := g.faultf(first, "%s not joined within %v: look for their own messages, and whether their hosts reach %s", who, o.JoinWait, g.hosts[0])
	g.fail(f)
	return f
}

// refusal returns why a process of this job cannot join.
func (g *Group) refusal(a arrival, o Options) *Fault {
	host := g.hosts[0]
	switch {
	case a.Protocol != protocol:
		return g.refused(a, "has protocol %d, but rank 0 on %s protocol %d: start all ranks from the same program", a.Protocol, host, protocol)
	case a.Version != o.Version:
		return g.refused(a, "runs version %s, but rank 0 on %s version %s: start all ranks from the same program", a.Version, host, o.Version)
	case a.Size != g.size:
		return g.refused(a, "was started as one of %d ranks, but rank 0 on %s as one of %d", a.Size, host, g.size)
	case a.Rank < 1 || a.Rank >= g.size:
		return g.refused(a, "is not one of the ranks 1 to %d", g.size-1)
	case g.peers[a.Rank] != nil:
		return g.refused(a, "was started a second time: the first is on %s", g.hosts[a.Rank])
	}
	return nil
}

func (g *Group) refused(a arrival, format string, args ...any) *Fault {
	return &Fault{Rank: a.Rank, Host: a.Host, Text: fmt.Sprintf("rank %d on %s ", a.Rank, a.Host) + fmt.Sprintf(format, args...)}
}

// listen opens the port of rank 0.
func listen(l launcher) (net.Listener, error) {
	var err error
	for port := l.port; port < l.port+ports; port++ {
		listener, failed := net.Listen("tcp", ":"+strconv.Itoa(port)) // 0 takes any
		if failed == nil {
			return listener, nil
		}
		err = failed
	}
	return nil, fmt.Errorf("rank 0 cannot listen for the other ranks: %w", err)
}

// addresses returns where others may reach a listener, its own host last.
func addresses(listener net.Listener) ([]string, error) {
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var public, local []string
	for _, a := range all {
		ip, _, err := net.ParseCIDR(a.String())
		switch {
		case err != nil || ip.IsLinkLocalUnicast():
		case ip.IsLoopback():
			local = append(local, net.JoinHostPort(ip.String(), port))
		default:
			public = append(public, net.JoinHostPort(ip.String(), port))
		}
	}
	return append(public, local...), nil
}

// retry is the time between calls of rank 0, which may start later.
const retry = 200 * time.Millisecond

// visit joins this rank to rank 0.
func (g *Group) visit(ctx context.Context, l launcher, o Options) error {
	m := meeting{Token: l.job}
	if l.address == "" {
		text := make([]byte, mostMeeting)
		if err := g.mpi.broadcast(ctx, text); err != nil {
			return err
		}
		end := len(text)
		for end > 0 && text[end-1] == 0 {
			end--
		}
		if err := json.Unmarshal(text[:end], &m); err != nil {
			return fmt.Errorf("MPI_Bcast brought no address of rank 0 but %q: start all ranks from the same program", text[:min(end, 40)])
		}
		if m.Error != "" {
			return errors.New(m.Error)
		}
	} else {
		for port := l.port; port < l.port+ports; port++ {
			m.Addresses = append(m.Addresses, net.JoinHostPort(l.address, strconv.Itoa(port)))
		}
	}
	for {
		var refused error // of this round
		for _, address := range m.Addresses {
			a, err := g.call(ctx, address, m.Token, o)
			if err != nil {
				refused = err
				continue
			}
			if a.Fault != nil {
				g.fail(a.Fault)
				return a.Fault
			}
			g.root = newConnection(a.c, 0, a.Host, o)
			g.joining.Lock()
			g.hosts[0] = a.Host
			g.joining.Unlock()
			go g.follow(g.root)
			return nil
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
			if err := context.Cause(ctx); err != errLate {
				return err
			}
			return fmt.Errorf("rank %d on %s has not reached rank 0 within %v: %w", g.rank, g.hosts[g.rank], o.JoinWait, refused)
		}
	}
}

// call asks one address whether rank 0 of this job is there.
func (g *Group) call(ctx context.Context, address, token string, o Options) (answer, error) {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	c, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return answer{}, err
	}
	a := answer{c: c}
	err = greet(c, hello{Token: digest("join", token), Version: o.Version, Rank: g.rank, Size: g.size, Host: g.hosts[g.rank]})
	if err == nil {
		_, err = hear(c, &a)
	}
	if err == nil && a.Proof != digest("joined", token) {
		err = errors.New("another program")
	}
	if err != nil {
		c.Close()
		return a, fmt.Errorf("%s does not answer as rank 0 of this job does: %w", address, err)
	}
	return a, nil
}
