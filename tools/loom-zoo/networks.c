// SPDX-License-Identifier: MIT
/* The networks there are, and what others say about them. models.rst explains the choices. */
#include <string.h>

#include "zoo.h"

#define TORCHVISION "torchvision 0.13 and later: num_params, GFLOPS (one a multiplication and addition)"
#define HUGGING_FACE "Hugging Face transformers: the shapes of the published checkpoint"
#define IMAGE "3 x 224 x 224"

const struct network networks[] = {
	{
		.name = "resnet50", .title = "ResNet50", .paper = "He et al. 2015, arXiv:1512.03385",
		.counted = TORCHVISION, .shape = IMAGE,
		.params = { 25557032, 1 }, .mmacs = { 4089, 1 }, .build = build_resnet50,
	}, {
		.name = "resnext50", .title = "ResNeXt50 (32x4d)", .paper = "Xie et al. 2016, arXiv:1611.05431",
		.counted = TORCHVISION, .shape = IMAGE,
		.params = { 25028904, 1 }, .mmacs = { 4230, 1 }, .build = build_resnext50,
	}, {
		.name = "inception-v3", .title = "InceptionV3", .paper = "Szegedy et al. 2015, arXiv:1512.00567",
		.counted = TORCHVISION, .shape = "3 x 299 x 299",
		.params = { 27161264, 1 }, .more_params = 3326696, .why = "the auxiliary classifier, used in training only",
		.mmacs = { 5713, 1 }, .build = build_inception_v3,
	}, {
		.name = "mobilenet-v2", .title = "MobileNetV2", .paper = "Sandler et al. 2018, arXiv:1801.04381",
		.counted = TORCHVISION, .shape = IMAGE,
		.params = { 3504872, 1 }, .mmacs = { 301, 1 }, .build = build_mobilenet_v2,
	}, {
		.name = "bert-base", .title = "BERT-base", .paper = "Devlin et al. 2018, arXiv:1810.04805",
		.counted = "Hugging Face transformers: the shapes of the published checkpoint; "
			   "multiplications: a file made for ONNX Runtime at 128 tokens",
		.shape = "tokens", .tokens = 16,
		.params = { 109482240, 1 }, .mmacs = { 11174, 1 }, .mmacs_tokens = 128, .build = build_bert_base,
	}, {
		.name = "bert-large", .title = "BERT-large", .paper = "Devlin et al. 2018, arXiv:1810.04805",
		.counted = "Hugging Face transformers: the shapes of the published checkpoint; "
			   "multiplications: a file made for ONNX Runtime at 384 tokens",
		.shape = "tokens", .tokens = 16,
		.params = { 335141888, 1 }, .mmacs = { 123213, 1 }, .mmacs_tokens = 384, .build = build_bert_large,
	}, {
		.name = "xlnet", .title = "XLNet-Large", .paper = "Yang et al. 2019, arXiv:1906.08237",
		.counted = HUGGING_FACE, .shape = "tokens", .tokens = 16,
		.params = { 360268800, 1 }, .more_params = 74752,
		.why = "mask_emb (pre-training), r_s_bias and seg_embed (read when segments are given)",
		.build = build_xlnet,
	}, {
		.name = "ncf", .title = "NCF (NeuMF)", .paper = "He et al. 2017, arXiv:1708.05031",
		.counted = "MLPerf Training 0.5 reference on MovieLens-20M: 138,493 users, 26,744 items, 64 factors, "
			   "layers 256 256 128 64",
		.shape = "one user and one item",
		.params = { 31832577, 1 }, .mmacs = { 0.106624, 1e-6 }, .build = build_ncf,
	}, {
		.name = "ncf-dense", .title = "NCF (NeuMF), tables multiplied by one-hot vectors",
		.paper = "He et al. 2017, arXiv:1708.05031, equation (3)",
		.counted = "as ncf; multiplications: every parameter of a table once",
		.shape = "one user and one item, one-hot",
		.params = { 31832577, 1 }, .mmacs = { 31.832128, 1e-6 }, .build = build_ncf_dense,
	}, {
		.name = "resnet18", .title = "ResNet18", .paper = "He et al. 2015, arXiv:1512.03385",
		.counted = TORCHVISION, .shape = IMAGE,
		.params = { 11689512, 1 }, .mmacs = { 1814, 1 }, .build = build_resnet18,
	}, {
		.name = "googlenet", .title = "GoogLeNet", .paper = "Szegedy et al. 2014, arXiv:1409.4842",
		.counted = TORCHVISION, .shape = IMAGE,
		.params = { 6624904, 1 }, .mmacs = { 1498, 1 }, .build = build_googlenet,
	}, {
		.name = "squeezenet", .title = "SqueezeNet 1.1", .paper = "Iandola et al. 2016, arXiv:1602.07360",
		.counted = TORCHVISION, .shape = IMAGE,
		.params = { 1235496, 1 }, .mmacs = { 349, 1 }, .build = build_squeezenet,
	}, {
		.name = "tiny-yolov2", .title = "Tiny-YOLOv2 (Pascal VOC)",
		.paper = "Redmon and Farhadi 2016, arXiv:1612.08242",
		.counted = "OpenVINO Open Model Zoo, yolo_v2_tiny: 15.8587 M, batch norms being one bias a channel; "
			   "darknet: 6.97 BFLOPs, two a multiplication",
		.shape = "3 x 416 x 416",
		.params = { 15858700, 100 }, .more_params = -3056, .why = "a batch norm has two parameters a channel",
		.mmacs = { 3485, 5 }, .build = build_tiny_yolov2,
	}, {
		.name = "fsrcnn", .title = "FSRCNN(56,12,4), three times larger",
		.paper = "Dong et al. 2016, arXiv:1608.00367",
		.counted = "the paper: 12,464 weights, each used once a pixel of the input",
		.shape = "1 x 180 x 320, to 540 x 960",
		.params = { 12464, 1 }, .more_params = -345, .why = "biases and slopes of PReLU are not counted there",
		.mmacs = { 717.9264, 1e-4 }, .build = build_fsrcnn,
	}, {
		.name = "unet", .title = "U-Net", .paper = "Ronneberger et al. 2015, arXiv:1505.04597",
		.counted = "milesial/Pytorch-UNet: three channels to two classes, padded, batch norms",
		.shape = "3 x 512 x 512",
		.params = { 31037698, 1 }, .build = build_unet,
	}, {
		.name = "gpt-2", .title = "GPT-2 (smallest)", .paper = "Radford et al. 2019, \"Language Models are Unsupervised "
			"Multitask Learners\"",
		.counted = HUGGING_FACE, .shape = "tokens", .tokens = 16,
		.params = { 124439808, 1 }, .build = build_gpt2,
	},
};

const unsigned int num_networks = sizeof(networks) / sizeof(networks[0]);

const struct network *find_network(const char *name)
{
	for (unsigned int i = 0; i < num_networks; i++)
		if (!strcmp(networks[i].name, name))
			return &networks[i];
	return NULL;
}
