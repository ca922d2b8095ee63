package main

import (
	"errors"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The protocol has grown since durabletask-go v0.6.0, whose messages lack many of today's fields. So
// the front reads and writes messages by field number, and history passes through it unparsed.

var errMalformed = errors.New("malformed protobuf message")

type fieldNumber = protowire.Number

type field struct {
	number fieldNumber
	kind   protowire.Type
	bits   uint64
	bytes  []byte
}

// record is a message that was read: its fields in the order in which they came.
type record []field

func parse(data []byte) (record, error) {
	var fields record
	for len(data) > 0 {
		number, kind, size := protowire.ConsumeTag(data)
		if size < 0 {
			return nil, errMalformed
		}
		data = data[size:]
		one := field{number: number, kind: kind}
		switch kind {
		case protowire.VarintType:
			one.bits, size = protowire.ConsumeVarint(data)
		case protowire.BytesType:
			one.bytes, size = protowire.ConsumeBytes(data)
		default:
			size = protowire.ConsumeFieldValue(number, kind, data)
		}
		if size < 0 {
			return nil, errMalformed
		}
		fields = append(fields, one)
		data = data[size:]
	}
	return fields, nil
}

// last returns the field that counts if it is there several times.
func (r record) last(number fieldNumber) (field, bool) {
	for i := len(r) - 1; i >= 0; i-- {
		if r[i].number == number {
			return r[i], true
		}
	}
	return field{}, false
}

func (r record) has(number fieldNumber) bool {
	_, found := r.last(number)
	return found
}

func (r record) text(number fieldNumber) string {
	one, _ := r.last(number)
	return string(one.bytes)
}

func (r record) number(number fieldNumber) int64 {
	one, _ := r.last(number)
	return int64(one.bits)
}

func (r record) flag(number fieldNumber) bool { return r.number(number) != 0 }

// each returns the values of a repeated field of messages or strings.
func (r record) each(number fieldNumber) [][]byte {
	var values [][]byte
	for _, one := range r {
		if one.number == number && one.kind == protowire.BytesType {
			values = append(values, one.bytes)
		}
	}
	return values
}

// numbers returns a repeated field of numbers, packed or not.
func (r record) numbers(number fieldNumber) []int64 {
	var values []int64
	for _, one := range r {
		if one.number != number {
			continue
		}
		if one.kind == protowire.VarintType {
			values = append(values, int64(one.bits))
			continue
		}
		for rest := one.bytes; len(rest) > 0; {
			value, size := protowire.ConsumeVarint(rest)
			if size < 0 {
				break
			}
			values = append(values, int64(value))
			rest = rest[size:]
		}
	}
	return values
}

// message returns a nested message; an absent or unreadable one is empty.
func (r record) message(number fieldNumber) record {
	one, _ := r.last(number)
	nested, err := parse(one.bytes)
	if err != nil {
		return nil
	}
	return nested
}

// value returns the string in a StringValue, nil if there is none.
func (r record) value(number fieldNumber) *string {
	if !r.has(number) {
		return nil
	}
	text := r.message(number).text(1)
	return &text
}

// moment returns a Timestamp in nanoseconds since 1970, nil if there is none.
func (r record) moment(number fieldNumber) *int64 {
	if !r.has(number) {
		return nil
	}
	stamp := r.message(number)
	nanos := stamp.number(1)*int64(time.Second) + stamp.number(2)
	return &nanos
}

// copyTo appends the fields with this number, as they came, under another number.
func (r record) copyTo(out *writer, from, to fieldNumber) {
	for _, one := range r.each(from) {
		out.bytes(to, one)
	}
}

// writer builds a message.
type writer struct{ data []byte }

func (w *writer) bytes(number fieldNumber, value []byte) *writer {
	w.data = protowire.AppendTag(w.data, number, protowire.BytesType)
	w.data = protowire.AppendBytes(w.data, value)
	return w
}

// text writes a string; an empty one is not written, as in proto3.
func (w *writer) text(number fieldNumber, value string) *writer {
	if value == "" {
		return w
	}
	return w.bytes(number, []byte(value))
}

func (w *writer) number(number fieldNumber, value int64) *writer {
	if value == 0 {
		return w
	}
	w.data = protowire.AppendTag(w.data, number, protowire.VarintType)
	w.data = protowire.AppendVarint(w.data, uint64(value))
	return w
}

func (w *writer) flag(number fieldNumber, value bool) *writer {
	if value {
		return w.number(number, 1)
	}
	return w
}

// value writes a StringValue, or nothing for nil: an empty string is not the same as none.
func (w *writer) value(number fieldNumber, text *string) *writer {
	if text == nil {
		return w
	}
	return w.bytes(number, new(writer).text(1, *text).data)
}

func (w *writer) moment(number fieldNumber, nanos *int64) *writer {
	if nanos == nil {
		return w
	}
	stamp := new(writer)
	stamp.number(1, *nanos/int64(time.Second)).number(2, *nanos%int64(time.Second))
	return w.bytes(number, stamp.data)
}

func (w *writer) message(number fieldNumber, nested *writer) *writer {
	return w.bytes(number, nested.data)
}
