# SPDX-License-Identifier: MIT
#
# The real models, their real inputs, and what ONNX Runtime makes of them. build/models/.done says that
# all of it is there; it is made again when the scripts or the list of packages change.

MODELS := build/models

$(call program,render-page,tools/models/render-page.c,,-lcairo)
$(call host-script,tools/models/test-models)

.PHONY: models
models: $(MODELS)/.done ## fetch the models, make their inputs and reference outputs

$(MODELS)/.fetched: tools/models/fetch tools/models/manifest
	@mkdir -p $(@D)
	@tools/models/fetch
	@touch $@

# After the program's source, not the program: a sanitizer build is another program with the same page.
$(MODELS)/.prepared: tools/models/prepare tools/models/render-page.c | $(B)/bin/render-page
	@tools/models/prepare $(B)/bin/render-page $(MODELS)/input
	@touch $@

$(MODELS)/.done: $(MODELS)/.fetched $(MODELS)/.prepared tools/models/ort-reference $(wildcard tools/models/lib/*.js)
	@tools/models/ort-reference $(MODELS)
	@touch $@
