package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// frame is a message on the wire, untouched: see wire.go for why no generated code reads it.
type frame struct{ data []byte }

type frameCodec struct{}

func (frameCodec) Name() string { return "proto" }

func (frameCodec) Marshal(message any) ([]byte, error) {
	out, isFrame := message.(*frame)
	if !isFrame {
		return nil, fmt.Errorf("cannot send a %T", message)
	}
	return out.data, nil
}

func (frameCodec) Unmarshal(data []byte, message any) error {
	in, isFrame := message.(*frame)
	if !isFrame {
		return fmt.Errorf("cannot receive a %T", message)
	}
	in.data = append([]byte(nil), data...)
	return nil
}

// call is one request on its way through the front.
type call struct {
	ctx     context.Context
	server  *server
	hubName string
	hub     *hub
	request record
	data    []byte
	grant   *grant
}

type method struct {
	access   access
	makesHub bool // may be called for a hub that does not exist
	unary    func(*call) (*writer, error)
	stream   func(*call, func(*writer) error) error
}

const serviceName = "TaskHubSidecarService"

// serviceDesc describes the service to the gRPC library.
func serviceDesc(s *server) *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: serviceName, HandlerType: (*any)(nil)}
	for name, one := range methods() {
		if one.stream != nil {
			desc.Streams = append(desc.Streams, grpc.StreamDesc{
				StreamName: name, ServerStreams: true, Handler: streamHandler(s, name, one),
			})
			continue
		}
		desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: name, Handler: unaryHandler(s, name, one)})
	}
	return desc
}

func unaryHandler(s *server, name string, to method) func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
	return func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var in frame
		if err := decode(&in); err != nil {
			return nil, err
		}
		if err := s.travel(ctx); err != nil {
			return nil, err
		}
		answer, err := s.answer(ctx, name, to, in.data)
		if travelled := s.travel(ctx); err == nil && travelled != nil {
			return nil, travelled
		}
		if err != nil {
			return nil, s.asStatus(name, err)
		}
		return &frame{answer.data}, nil
	}
}

func (s *server) answer(ctx context.Context, name string, to method, data []byte) (*writer, error) {
	one, err := s.admit(ctx, name, to, data)
	if err != nil {
		return nil, err
	}
	return to.unary(one)
}

func streamHandler(s *server, name string, to method) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		var in frame
		if err := stream.RecvMsg(&in); err != nil {
			return err
		}
		if err := s.travel(stream.Context()); err != nil {
			return err
		}
		one, err := s.admit(stream.Context(), name, to, in.data)
		if err != nil {
			return s.asStatus(name, err)
		}
		return s.asStatus(name, to.stream(one, func(message *writer) error {
			return stream.SendMsg(&frame{message.data})
		}))
	}
}

// travel takes half of the round trip that is asked for.
func (s *server) travel(ctx context.Context) error {
	if s.options.roundTrip == 0 {
		return nil
	}
	select {
	case <-time.After(s.options.roundTrip / 2):
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// admit checks what every call must carry, and finds its hub.
func (s *server) admit(ctx context.Context, name string, to method, data []byte) (*call, error) {
	one := &call{ctx: ctx, server: s, data: data}
	headers, _ := metadata.FromIncomingContext(ctx)
	if values := headers.Get("taskhub"); len(values) > 0 {
		one.hubName = values[0]
	}
	if s.tokens != nil {
		granted, err := s.tokens.check(headers.Get("authorization"), time.Now())
		if err != nil {
			return nil, err
		}
		if err := granted.allows(name, to.access, one.hubName); err != nil {
			return nil, err
		}
		one.grant = granted
	}
	if one.hubName == "" {
		return nil, invalid("the metadata has no 'taskhub' header: it must name the task hub")
	}
	var err error
	if !to.makesHub {
		if one.hub, err = s.hubs.find(one.hubName); err != nil {
			return nil, err
		}
		one.hub.calls.called(name)
	}
	if one.request, err = parse(data); err != nil {
		return nil, invalid("malformed request for %s", name)
	}
	return one, nil
}

// asStatus lets nothing out that is not a status.
func (s *server) asStatus(name string, err error) error {
	if err == nil {
		return nil
	}
	if _, isStatus := status.FromError(err); isStatus {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	s.log.Error("call failed", "method", name, "error", err)
	return status.Error(codes.Internal, err.Error())
}

// pay takes one action from the hub's budget, for a client's call that creates one.
func (c *call) pay() error {
	wait := c.hub.throttle.try()
	if wait == 0 {
		return nil
	}
	grpc.SetTrailer(c.ctx, metadata.Pairs("retry-after-ms", fmt.Sprint(wait.Milliseconds()+1)))
	return status.Errorf(codes.ResourceExhausted,
		"task hub '%s' is at its limit of %d actions per second; try again in %d ms",
		c.hubName, c.server.options.limits.actionsPerSecond, wait.Milliseconds()+1)
}
