package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/component-base/version"
)

// annotationManual on a pod leaves its status to the test: it is bound to a node, but neither
// started nor removed after its deletion.
const annotationManual = "controlplane.test/manual"

// nodeStandIn plays the scheduler and every kubelet. It registers Ready nodes, one zone each, binds
// pods to them in turn, reports their containers started and healthy at once, and confirms
// deletions. A pod that is meant to end (restartPolicy other than Always) succeeds at once, so that
// Jobs and Helm hooks complete. What only a container runtime could show (probes, preStop, logs,
// exec) does not exist here; neither do resource requests, affinity and taints count.
type nodeStandIn struct {
	client kubernetes.Interface
	nodes  []*corev1.Node
	turn   atomic.Uint32 // picks the next node
	ips    atomic.Uint32 // pod addresses given so far
	pods   cache.SharedIndexInformer
	queue  workqueue.TypedRateLimitingInterface[string]
}

func newNodeStandIn(client kubernetes.Interface, count int) *nodeStandIn {
	s := &nodeStandIn{
		client: client,
		pods:   informers.NewSharedInformerFactory(client, 0).Core().V1().Pods().Informer(),
		queue:  workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]()),
	}
	for i := range count {
		s.nodes = append(s.nodes, newNode(i+1))
	}
	enqueue := func(object any) {
		if key, err := cache.MetaNamespaceKeyFunc(object); err == nil {
			s.queue.Add(key)
		}
	}
	s.pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
	})
	return s
}

func newNode(number int) *corev1.Node {
	name, zone := fmt.Sprintf("node-%d", number), fmt.Sprintf("zone-%c", 'a'+(number-1)%26)
	size := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("32"),
		corev1.ResourceMemory:           resource.MustParse("128Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("1Ti"),
		corev1.ResourcePods:             resource.MustParse("1000"),
	}
	now := metav1.Now()
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			corev1.LabelHostname:       name,
			corev1.LabelTopologyZone:   zone,
			corev1.LabelTopologyRegion: "region-1",
			corev1.LabelOSStable:       "linux",
			corev1.LabelArchStable:     "amd64",
		}},
		Status: corev1.NodeStatus{
			Capacity:    size,
			Allocatable: size,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: nodeIP(number)},
				{Type: corev1.NodeHostName, Address: name},
			},
			Conditions: []corev1.NodeCondition{{
				Type:               corev1.NodeReady,
				Status:             corev1.ConditionTrue,
				Reason:             "StandIn",
				LastHeartbeatTime:  now,
				LastTransitionTime: now,
			}},
			NodeInfo: corev1.NodeSystemInfo{
				KubeletVersion:  version.Get().GitVersion,
				OperatingSystem: "linux",
				Architecture:    "amd64",
			},
		},
	}
}

func nodeIP(number int) string { return fmt.Sprintf("127.10.255.%d", number) }

// register creates the nodes, once: nothing here changes or removes them later.
func (s *nodeStandIn) register(ctx context.Context) error {
	for _, node := range s.nodes {
		// A creation keeps a node's status, unlike a pod's.
		_, err := s.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

// run serves pods until ctx ends, through outages of the API server.
func (s *nodeStandIn) run(ctx context.Context) {
	go s.pods.Run(ctx.Done())
	for range 4 {
		go func() {
			for {
				key, shutdown := s.queue.Get()
				if shutdown {
					return
				}
				if err := s.step(ctx, key); err == nil || apierrors.IsNotFound(err) {
					s.queue.Forget(key)
				} else {
					s.queue.AddRateLimited(key)
				}
				s.queue.Done(key)
			}
		}()
	}
	<-ctx.Done()
	s.queue.ShutDown()
}

// step does the one next thing for a pod; the event that this causes brings the one after it.
func (s *nodeStandIn) step(ctx context.Context, key string) error {
	object, found, err := s.pods.GetStore().GetByKey(key)
	if err != nil || !found {
		return err
	}
	pod := object.(*corev1.Pod)
	pods := s.client.CoreV1().Pods(pod.Namespace)
	_, manual := pod.Annotations[annotationManual]

	if pod.Spec.NodeName == "" {
		node := s.pick(pod)
		if node == nil || pod.DeletionTimestamp != nil {
			return nil // stays Pending
		}
		return pods.Bind(ctx, &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Name: pod.Name, UID: pod.UID},
			Target:     corev1.ObjectReference{Kind: "Node", Name: node.Name},
		}, metav1.CreateOptions{})
	}
	number := s.number(pod.Spec.NodeName)
	switch {
	case number == 0 || manual:
		return nil
	case pod.DeletionTimestamp != nil:
		if pod.DeletionGracePeriodSeconds != nil && *pod.DeletionGracePeriodSeconds == 0 {
			return nil // confirmed before; a finalizer keeps it
		}
		options := metav1.NewPreconditionDeleteOptions(string(pod.UID))
		options.GracePeriodSeconds = new(int64)
		return pods.Delete(ctx, pod.Name, *options)
	case pod.Status.Phase == corev1.PodPending:
		patch, err := json.Marshal(map[string]any{
			"metadata": map[string]any{"uid": pod.UID},
			"status":   s.started(pod, number),
		})
		if err != nil {
			return err
		}
		// A merge of conditions by their type: what others wrote into the status stays.
		_, err = pods.Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
		return err
	}
	return nil
}

// pick takes the next node that the pod's node selector allows, and none for a gated pod or one
// that belongs to another scheduler.
func (s *nodeStandIn) pick(pod *corev1.Pod) *corev1.Node {
	if len(pod.Spec.SchedulingGates) > 0 || pod.Spec.SchedulerName != corev1.DefaultSchedulerName {
		return nil
	}
	selector := labels.SelectorFromSet(pod.Spec.NodeSelector)
	first := int(s.turn.Add(1) - 1)
	for i := range s.nodes {
		node := s.nodes[(first+i)%len(s.nodes)]
		if selector.Matches(labels.Set(node.Labels)) {
			return node
		}
	}
	return nil
}

// number is the place of one of our nodes, from 1 on, and 0 for any other.
func (s *nodeStandIn) number(name string) int {
	for i, node := range s.nodes {
		if node.Name == name {
			return i + 1
		}
	}
	return 0
}

// started is the status that a kubelet would report once everything runs, or has ended well.
func (s *nodeStandIn) started(pod *corev1.Pod, node int) corev1.PodStatus {
	now := metav1.NewTime(time.Now())
	ip := nodeIP(node)
	if !pod.Spec.HostNetwork {
		n := s.ips.Add(1) // an address of its own: a test can serve there what the pod would serve
		ip = fmt.Sprintf("127.10.%d.%d", n/250%250, n%250+1)
	}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		Reason: "Completed", StartedAt: now, FinishedAt: now,
	}}
	report := func(c corev1.Container, state corev1.ContainerState) corev1.ContainerStatus {
		up := state.Running != nil
		return corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, ImageID: c.Image, State: state, Started: &up,
			Ready: up, ContainerID: "standin://" + string(pod.UID) + "/" + c.Name,
		}
	}

	status := corev1.PodStatus{
		Phase:     corev1.PodRunning,
		HostIP:    nodeIP(node),
		HostIPs:   []corev1.HostIP{{IP: nodeIP(node)}},
		PodIP:     ip,
		PodIPs:    []corev1.PodIP{{IP: ip}},
		StartTime: &now,
	}
	state, ready, reason := running, corev1.ConditionTrue, ""
	if pod.Spec.RestartPolicy != corev1.RestartPolicyAlways {
		status.Phase, state = corev1.PodSucceeded, ended
		ready, reason = corev1.ConditionFalse, "PodCompleted"
	}
	for _, c := range pod.Spec.InitContainers {
		initState := ended
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			initState = state // a sidecar: it runs as long as the others do
		}
		initStatus := report(c, initState)
		initStatus.Ready = true
		status.InitContainerStatuses = append(status.InitContainerStatuses, initStatus)
	}
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, report(c, state))
	}
	for _, c := range []corev1.PodCondition{
		{Type: corev1.PodInitialized, Status: corev1.ConditionTrue, Reason: reason},
		{Type: corev1.ContainersReady, Status: ready, Reason: reason},
		{Type: corev1.PodReady, Status: ready, Reason: reason},
	} {
		c.LastTransitionTime = now
		status.Conditions = append(status.Conditions, c)
	}
	return status
}
