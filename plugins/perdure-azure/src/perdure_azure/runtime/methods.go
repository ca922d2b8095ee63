package main

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// methods lists what the service answers. As everywhere in the front, numbers are those of the fields.
func methods() map[string]method {
	return map[string]method{
		"Hello":                           {access: anyRole, unary: hello},
		"CreateTaskHub":                   {access: fullAccess, makesHub: true, unary: createTaskHub},
		"DeleteTaskHub":                   {access: fullAccess, unary: deleteTaskHub},
		"StartInstance":                   {access: fullAccess, unary: startInstance},
		"RestartInstance":                 {access: fullAccess, unary: restartInstance},
		"RaiseEvent":                      {access: fullAccess, unary: raiseEvent},
		"SuspendInstance":                 {access: fullAccess, unary: suspendInstance},
		"ResumeInstance":                  {access: fullAccess, unary: resumeInstance},
		"TerminateInstance":               {access: fullAccess, unary: terminateInstance},
		"PurgeInstances":                  {access: fullAccess, unary: purgeInstances},
		"GetInstance":                     {access: readAccess, unary: getInstance},
		"WaitForInstanceStart":            {access: readAccess, unary: waitForStart},
		"WaitForInstanceCompletion":       {access: readAccess, unary: waitForCompletion},
		"QueryInstances":                  {access: readAccess, unary: queryInstances},
		"ListInstanceIds":                 {access: readAccess, unary: listInstanceIDs},
		"StreamInstanceHistory":           {access: anyRole, stream: streamHistory},
		"GetWorkItems":                    {access: workAccess, stream: getWorkItems},
		"CompleteOrchestratorTask":        {access: workAccess, unary: completeOrchestratorTask},
		"CompleteActivityTask":            {access: workAccess, unary: completeActivityTask},
		"AbandonTaskOrchestratorWorkItem": {access: workAccess, unary: abandonOrchestrator},
		"AbandonTaskActivityWorkItem":     {access: workAccess, unary: abandonActivity},
		"RewindInstance":                  notModelled("RewindInstance", "rewinding an instance"),
		"SignalEntity":                    notModelled("SignalEntity", "entities"),
		"GetEntity":                       notModelled("GetEntity", "entities"),
		"QueryEntities":                   notModelled("QueryEntities", "entities"),
		"CleanEntityStorage":              notModelled("CleanEntityStorage", "entities"),
		"CompleteEntityTask":              notModelled("CompleteEntityTask", "entities"),
		"AbandonTaskEntityWorkItem":       notModelled("AbandonTaskEntityWorkItem", "entities"),
		"SkipGracefulOrchestrationTerminations": notModelled(
			"SkipGracefulOrchestrationTerminations", "skipping graceful terminations"),
	}
}

func notModelled(name, what string) method {
	return method{access: anyRole, unary: func(*call) (*writer, error) {
		return nil, status.Errorf(codes.Unimplemented,
			"%s: perdure's local stand-in for Durable Task Scheduler does not model %s", name, what)
	}}
}

func hello(*call) (*writer, error) { return new(writer), nil }

func createTaskHub(c *call) (*writer, error) {
	return new(writer), c.server.hubs.create(c.hubName, c.request.flag(1))
}

func deleteTaskHub(c *call) (*writer, error) {
	return new(writer), c.server.hubs.delete(c.hubName)
}

func completeOrchestratorTask(c *call) (*writer, error) {
	return new(writer), c.hub.completeTurn(c.request.text(4), c.request, c.data)
}

func completeActivityTask(c *call) (*writer, error) {
	return new(writer), c.hub.completeActivity(c.request.text(5), c.request)
}

func abandonOrchestrator(c *call) (*writer, error) {
	return new(writer), c.hub.abandon(c.request.text(1), orchestrations)
}

func abandonActivity(c *call) (*writer, error) {
	return new(writer), c.hub.abandon(c.request.text(1), activities)
}
