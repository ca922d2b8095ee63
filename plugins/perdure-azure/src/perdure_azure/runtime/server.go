package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

const (
	maxMessageBytes = 64 << 20
	goodbyeTime     = 2 * time.Second
)

// server is the whole program: the gRPC front, the admin endpoints, the hubs behind them.
type server struct {
	options options
	log     *slog.Logger
	tokens  *tokenChecker
	hubs    *hubs
	grpc    *grpc.Server
	admin   *http.Server
	serving atomic.Bool

	lock                        *os.File
	grpcListener, adminListener net.Listener
}

type ports struct {
	GRPC  int `json:"grpc"`
	Admin int `json:"admin"`
}

func newServer(o options, log *slog.Logger) (*server, error) {
	s := &server{options: o, log: log}
	var err error
	if o.tokenKey != "" {
		if s.tokens, err = newTokenChecker(o.tokenKey, o.audience); err != nil {
			return nil, err
		}
	}
	security := []grpc.ServerOption{}
	if o.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
		if err != nil {
			return nil, err
		}
		security = append(security, grpc.Creds(credentials.NewServerTLSFromCert(&pair)))
	}
	if s.lock, err = lockFolder(o.data); err != nil {
		return nil, err
	}
	if s.hubs, err = openHubs(o, log); err != nil {
		return nil, err
	}
	s.grpc = grpc.NewServer(append(security,
		grpc.ForceServerCodec(frameCodec{}),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxSendMsgSize(maxMessageBytes),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
	)...)
	s.grpc.RegisterService(serviceDesc(s), s)
	s.admin = &http.Server{Handler: adminHandler(s), ReadHeaderTimeout: 10 * time.Second}
	return s, nil
}

// lockFolder makes this process the only one on these files: what it knows of them in memory must hold.
func lockFolder(folder string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, ".lock")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("another dts-stand-in runs on %s", folder)
	}
	return file, nil
}

func (s *server) listen() (ports, error) {
	var err error
	if s.grpcListener, err = net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", s.options.port)); err != nil {
		return ports{}, err
	}
	if s.adminListener, err = net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", s.options.adminPort)); err != nil {
		return ports{}, err
	}
	return ports{portOf(s.grpcListener), portOf(s.adminListener)}, nil
}

func portOf(listener net.Listener) int { return listener.Addr().(*net.TCPAddr).Port }

// serve answers until a signal comes, then lets calls under way end and closes the files.
func (s *server) serve(ended <-chan os.Signal) error {
	stopped := make(chan os.Signal)
	failed := make(chan error, 2)
	go s.hubs.purgeRegularly(stopped)
	go func() { failed <- s.grpc.Serve(s.grpcListener) }()
	go func() { failed <- s.admin.Serve(s.adminListener) }()
	s.serving.Store(true)
	var err error
	select {
	case <-ended:
	case err = <-failed:
	}
	s.serving.Store(false)
	close(stopped)
	s.hubs.close()
	forced := time.AfterFunc(goodbyeTime, s.grpc.Stop)
	s.grpc.GracefulStop()
	forced.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	if stop := s.admin.Shutdown(ctx); err == nil {
		err = stop
	}
	for _, one := range s.hubs.all() {
		one.store.close()
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
