/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vendors: where each lives, which variables hold its base and key, how it differs. A vendor that is OpenAI-like is a row here and
 * nothing else.
 *
 * Every prefix LiteLLM knows has a row, so that "not known" and "comes with a later version" are told apart.
 */
#include "config/config_priv.h"

#include <stdlib.h>

#define BASE(...)	.base_env = { __VA_ARGS__ }
#define KEY(...)	.key_env = { __VA_ARGS__ }
#define LIKE(name, base, ...)	{ .prefix = name, .wire = WIRE_OPENAI, .base_url = base, __VA_ARGS__ }
#define LATER(name)	{ .prefix = name, .wire = WIRE_NONE }

/* In the order of their bytes: vendor_find() halves. */
static const struct vendor vendors[] = {
	LATER("a2a"),
	LATER("a2a_agent"),
	LIKE("abliteration", "https://api.abliteration.ai/v1", KEY("ABLITERATION_API_KEY")),
	LIKE("ai21", "https://api.ai21.com/studio/v1", BASE("AI21_API_BASE"), KEY("AI21_API_KEY")),
	LIKE("ai21_chat", "https://api.ai21.com/studio/v1", BASE("AI21_API_BASE"), KEY("AI21_API_KEY")),
	LIKE("aihubmix", "https://aihubmix.com/v1", BASE("AIHUBMIX_API_BASE"), KEY("AIHUBMIX_API_KEY")),
	LIKE("aiml", "https://api.aimlapi.com/v1", BASE("AIML_API_BASE"), KEY("AIML_API_KEY")),
	LIKE("aiohttp_openai", NULL, .quirks = QUIRK_KEY_OPTIONAL),
	LIKE("amazon_nova", "https://api.nova.amazon.com/v1", KEY("AMAZON_NOVA_API_KEY")),
	{ .prefix = "anthropic", .wire = WIRE_ANTHROPIC, .base_url = "https://api.anthropic.com",
	    BASE("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"), KEY("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN") },
	LATER("anthropic_text"),
	LIKE("anyscale", "https://api.endpoints.anyscale.com/v1", BASE("ANYSCALE_API_BASE"), KEY("ANYSCALE_API_KEY")),
	LIKE("apertis", "https://api.stima.tech/v1", KEY("STIMA_API_KEY"), .quirks = QUIRK_MAX_TOKENS_OLD),
	LIKE("assemblyai", "https://llm-gateway.assemblyai.com/v1", KEY("ASSEMBLYAI_API_KEY")),
	LATER("auto_router"),
	LATER("aws_polly"),
	LATER("aws_textract"),
	LIKE("azure", NULL, BASE("AZURE_API_BASE"), KEY("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
	    .quirks = QUIRK_AZURE | QUIRK_API_KEY | QUIRK_DEVELOPER_OK | QUIRK_RESPONSES | QUIRK_COMPLETIONS | QUIRK_CHAT_APART),
	LIKE("azure_ai", NULL, BASE("AZURE_AI_API_BASE"), KEY("AZURE_AI_API_KEY"), .quirks = QUIRK_FOUNDRY),
	LATER("azure_speech"),
	LIKE("azure_text", NULL, BASE("AZURE_API_BASE"), KEY("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
	    .quirks = QUIRK_AZURE | QUIRK_API_KEY | QUIRK_COMPLETIONS),
	LIKE("baseten", "https://inference.baseten.co/v1", BASE("BASETEN_API_BASE"), KEY("BASETEN_API_KEY")),
	LATER("bedrock"),
	LIKE("bedrock_mantle", "https://bedrock-mantle.us-east-1.api.aws/v1", KEY("BEDROCK_MANTLE_API_KEY")),
	LATER("black_forest_labs"),
	LATER("bytez"),
	LIKE("cerebras", "https://api.cerebras.ai/v1", BASE("CEREBRAS_API_BASE"), KEY("CEREBRAS_API_KEY"),
	    .quirks = QUIRK_MAX_TOKENS_NEW | QUIRK_COMPLETIONS),
	LIKE("charity_engine", "https://api.charityengine.services/remotejobs/v2/inference", KEY("CHARITY_ENGINE_API_KEY"),
	    .quirks = QUIRK_MAX_TOKENS_OLD),
	LATER("chatgpt"),
	LIKE("chutes", "https://llm.chutes.ai/v1", KEY("CHUTES_API_KEY"), .quirks = QUIRK_MAX_TOKENS_OLD),
	LIKE("clarifai", "https://api.clarifai.com/v2/ext/openai/v1", KEY("CLARIFAI_API_KEY")),
	LATER("cloudflare"),
	LIKE("codestral", "https://codestral.mistral.ai/v1", BASE("CODESTRAL_API_BASE"), KEY("CODESTRAL_API_KEY")),
	LIKE("cognition", "https://api.cognition.ai/v1", BASE("COGNITION_API_BASE"), KEY("COGNITION_API_KEY")),
	LATER("cohere"),
	LATER("cohere_chat"),
	LIKE("cometapi", "https://api.cometapi.com/v1", BASE("COMETAPI_API_BASE"), KEY("COMETAPI_KEY")),
	LIKE("compactifai", "https://api.compactif.ai/v1", KEY("COMPACTIFAI_API_KEY")),
	LIKE("cortecs", "https://api.cortecs.ai/v1", BASE("CORTECS_API_BASE"), KEY("CORTECS_API_KEY")),
	LIKE("crusoe", "https://managed-inference-api-proxy.crusoecloud.com/v1", BASE("CRUSOE_API_BASE"), KEY("CRUSOE_API_KEY"),
	    .quirks = QUIRK_MAX_TOKENS_OLD),
	LATER("cursor"),
	LATER("custom"),
	LIKE("custom_openai", NULL, .quirks = QUIRK_KEY_OPTIONAL),
	LIKE("darkbloom", "https://api.darkbloom.dev/v1", BASE("DARKBLOOM_API_BASE"), KEY("DARKBLOOM_API_KEY"),
	    .quirks = QUIRK_MAX_TOKENS_OLD),
	LIKE("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", BASE("DASHSCOPE_API_BASE"), KEY("DASHSCOPE_API_KEY"),
	    .also_host = "dashscope-intl.aliyuncs.com"),
	LIKE("databricks", NULL, BASE("DATABRICKS_API_BASE"), KEY("DATABRICKS_API_KEY")),
	LIKE("datarobot", "https://app.datarobot.com", BASE("DATAROBOT_ENDPOINT", "DATAROBOT_API_BASE"), KEY("DATAROBOT_API_TOKEN"),
	    .chat_path = "/api/v2/genai/llmgw/chat/completions/"),
	LATER("deepgram"),
	LIKE("deepinfra", "https://api.deepinfra.com/v1/openai", BASE("DEEPINFRA_API_BASE"), KEY("DEEPINFRA_API_KEY"), .quirks = QUIRK_COMPLETIONS),
	LIKE("deepseek", "https://api.deepseek.com/beta", BASE("DEEPSEEK_API_BASE"), KEY("DEEPSEEK_API_KEY"), .quirks = QUIRK_COMPLETIONS),
	LIKE("docker_model_runner", "http://localhost:22088/engines/llama.cpp", BASE("DOCKER_MODEL_RUNNER_API_BASE"),
	    KEY("DOCKER_MODEL_RUNNER_API_KEY"), .quirks = QUIRK_KEY_OPTIONAL | QUIRK_COMPLETIONS, .chat_path = "/v1/chat/completions"),
	LATER("dotprompt"),
	LIKE("edenai", "https://api.edenai.run/v3", KEY("EDENAI_API_KEY")),
	LATER("elevenlabs"),
	LIKE("empiriolabs", "https://api.empiriolabs.ai/v1", BASE("EMPIRIOLABS_API_BASE"), KEY("EMPIRIOLABS_API_KEY"),
	    .quirks = QUIRK_MAX_TOKENS_OLD),
	LIKE("empower", "https://app.empower.dev/api/v1", BASE("EMPOWER_API_BASE"), KEY("EMPOWER_API_KEY")),
	LATER("fal_ai"),
	LIKE("featherless_ai", "https://api.featherless.ai/v1", BASE("FEATHERLESS_API_BASE"), KEY("FEATHERLESS_AI_API_KEY"),
	    .quirks = QUIRK_COMPLETIONS),
	LIKE("fireworks_ai", "https://api.fireworks.ai/inference/v1", BASE("FIREWORKS_AI_API_BASE", "FIREWORKS_API_BASE"),
	    KEY("FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
	    .model_prefix = "accounts/fireworks/models/", .quirks = QUIRK_COMPLETIONS),
	LIKE("friendliai", "https://api.friendli.ai/serverless/v1", BASE("FRIENDLI_API_BASE"),
	    KEY("FRIENDLIAI_API_KEY", "FRIENDLI_TOKEN"), .quirks = QUIRK_COMPLETIONS),
	LIKE("galadriel", "https://api.galadriel.com/v1", BASE("GALADRIEL_API_BASE"), KEY("GALADRIEL_API_KEY")),
	LATER("gdc"),
	LATER("gemini"),
	LATER("gigachat"),
	LIKE("github", "https://models.inference.ai.azure.com", BASE("GITHUB_API_BASE"), KEY("GITHUB_API_KEY")),
	LATER("github_copilot"),
	LIKE("gmi", "https://api.gmi-serving.com/v1", KEY("GMI_API_KEY")),
	LIKE("gradient_ai", "https://inference.do-ai.run/v1", BASE("GRADIENT_AI_AGENT_ENDPOINT"), KEY("GRADIENT_AI_API_KEY")),
	LIKE("groq", "https://api.groq.com/openai/v1", BASE("GROQ_API_BASE"), KEY("GROQ_API_KEY"), .quirks = QUIRK_MAX_TOKENS_NEW),
	LIKE("helicone", "https://ai-gateway.helicone.ai", KEY("HELICONE_API_KEY")),
	LIKE("heroku", "https://us.inference.heroku.com", BASE("HEROKU_API_BASE"), KEY("HEROKU_API_KEY"),
	    .chat_path = "/v1/chat/completions"),
	LIKE("hosted_vllm", NULL, BASE("HOSTED_VLLM_API_BASE"), KEY("HOSTED_VLLM_API_KEY"),
	    .quirks = QUIRK_KEY_OPTIONAL | QUIRK_CONTINUOUS_USAGE | QUIRK_RESPONSES | QUIRK_COMPLETIONS),
	LIKE("huggingface", NULL, BASE("HF_API_BASE", "HUGGINGFACE_API_BASE"), KEY("HF_TOKEN", "HUGGINGFACE_API_KEY"),
	    .chat_path = "/v1/chat/completions", .quirks = QUIRK_COMPLETIONS),
	LATER("humanloop"),
	LIKE("hyperbolic", "https://api.hyperbolic.xyz/v1", BASE("HYPERBOLIC_API_BASE"), KEY("HYPERBOLIC_API_KEY"), .quirks = QUIRK_COMPLETIONS),
	LIKE("inception", "https://api.inceptionlabs.ai/v1", KEY("INCEPTION_API_KEY")),
	LATER("infinity"),
	LATER("jina_ai"),
	LIKE("lambda_ai", "https://api.lambda.ai/v1", BASE("LAMBDA_API_BASE"), KEY("LAMBDA_API_KEY"), .quirks = QUIRK_COMPLETIONS),
	LATER("langflow"),
	LATER("langfuse"),
	LATER("langgraph"),
	LIKE("lemonade", "http://localhost:8000/api/v1", BASE("LEMONADE_API_BASE"), KEY("LEMONADE_API_KEY"),
	    .quirks = QUIRK_KEY_OPTIONAL | QUIRK_COMPLETIONS),
	LIKE("libertai", "https://api.libertai.io/v1", BASE("LIBERTAI_API_BASE"), KEY("LIBERTAI_API_KEY"), .quirks = QUIRK_MAX_TOKENS_OLD),
	LIKE("litellm_proxy", NULL, BASE("LITELLM_PROXY_API_BASE"), KEY("LITELLM_PROXY_API_KEY"),
	    .quirks = QUIRK_KEY_OPTIONAL | QUIRK_DEVELOPER_OK | QUIRK_RESPONSES | QUIRK_COMPLETIONS),
	LIKE("llamafile", "http://127.0.0.1:8080/v1", BASE("LLAMAFILE_API_BASE"), KEY("LLAMAFILE_API_KEY"),
	    .quirks = QUIRK_KEY_OPTIONAL | QUIRK_COMPLETIONS),
	LIKE("llamagate", "https://api.llamagate.dev/v1", KEY("LLAMAGATE_API_KEY"), .quirks = QUIRK_MAX_TOKENS_OLD),
	LIKE("lm_studio", NULL, BASE("LM_STUDIO_API_BASE"), KEY("LM_STUDIO_API_KEY"), .quirks = QUIRK_KEY_OPTIONAL | QUIRK_COMPLETIONS),
	LATER("manus"),
	LATER("maritalk"),
	LIKE("meta", "https://api.meta.ai/v1", BASE("META_API_BASE"), KEY("META_API_KEY")),
	LIKE("meta_llama", "https://api.llama.com/compat/v1", BASE("LLAMA_API_BASE"), KEY("LLAMA_API_KEY")),
	LATER("milvus"),
	LIKE("minimax", "https://api.minimax.io/v1", BASE("MINIMAX_API_BASE"), KEY("MINIMAX_API_KEY")),
	LIKE("mistral", "https://api.mistral.ai/v1", BASE("MISTRAL_API_BASE"), KEY("MISTRAL_API_KEY"),
	    .quirks = QUIRK_MAX_TOKENS_OLD | QUIRK_NO_STREAM_OPTIONS),
	LIKE("modelscope", "https://api-inference.modelscope.cn/v1", KEY("MODELSCOPE_API_KEY")),
	LIKE("moonshot", "https://api.moonshot.ai/v1", BASE("MOONSHOT_API_BASE"), KEY("MOONSHOT_API_KEY"),
	    .quirks = QUIRK_FLATTEN_CONTENT),
	LIKE("morph", "https://api.morphllm.com/v1", BASE("MORPH_API_BASE"), KEY("MORPH_API_KEY")),
	LIKE("nano-gpt", "https://nano-gpt.com/api/v1", KEY("NANOGPT_API_KEY"), .quirks = QUIRK_MAX_TOKENS_OLD),
	LIKE("nebius", "https://api.studio.nebius.ai/v1", BASE("NEBIUS_API_BASE"), KEY("NEBIUS_API_KEY"), .quirks = QUIRK_COMPLETIONS),
	LIKE("neosantara", "https://api.neosantara.xyz/v1", BASE("NEOSANTARA_API_BASE"), KEY("NEOSANTARA_API_KEY"),
	    .quirks = QUIRK_MAX_TOKENS_OLD),
	LATER("nlp_cloud"),
	LIKE("novita", "https://api.novita.ai/v3/openai", BASE("NOVITA_API_BASE"), KEY("NOVITA_API_KEY"), .quirks = QUIRK_COMPLETIONS),
	LIKE("nscale", "https://inference.api.nscale.com/v1", BASE("NSCALE_API_BASE"), KEY("NSCALE_API_KEY")),
	LIKE("nvidia_nim", "https://integrate.api.nvidia.com/v1", BASE("NVIDIA_NIM_API_BASE"), KEY("NVIDIA_NIM_API_KEY")),
	LATER("nvidia_riva"),
	LATER("oci"),
	LIKE("ollama", "http://localhost:11434", BASE("OLLAMA_API_BASE"), KEY("OLLAMA_API_KEY"),
	    .quirks = QUIRK_KEY_OPTIONAL | QUIRK_MAX_TOKENS_OLD | QUIRK_COMPLETIONS, .chat_path = "/v1/chat/completions"),
	LIKE("ollama_chat", "http://localhost:11434", BASE("OLLAMA_API_BASE"), KEY("OLLAMA_API_KEY"),
	    .quirks = QUIRK_KEY_OPTIONAL | QUIRK_MAX_TOKENS_OLD | QUIRK_COMPLETIONS, .chat_path = "/v1/chat/completions"),
	LIKE("oobabooga", NULL, KEY("OOBABOOGA_API_KEY"), .quirks = QUIRK_KEY_OPTIONAL | QUIRK_COMPLETIONS),
	LIKE("openai", "https://api.openai.com/v1", BASE("OPENAI_BASE_URL", "OPENAI_API_BASE"), KEY("OPENAI_API_KEY"),
	    .quirks = QUIRK_DEVELOPER_OK | QUIRK_MAX_TOKENS_NEW | QUIRK_RESPONSES | QUIRK_COMPLETIONS | QUIRK_CHAT_APART),
	LIKE("openai_like", NULL, .quirks = QUIRK_KEY_OPTIONAL),
	LIKE("openrouter", "https://openrouter.ai/api/v1", BASE("OPENROUTER_API_BASE", "OPENROUTER_BASE_URL"), KEY("OPENROUTER_API_KEY"),
	    .quirks = QUIRK_DEVELOPER_OK | QUIRK_COMPLETIONS),
	LIKE("ovhcloud", "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1", BASE("OVHCLOUD_API_BASE"), KEY("OVHCLOUD_API_KEY")),
	LATER("palm"),
	LIKE("parasail", "https://api.parasail.io/v1", BASE("PARASAIL_API_BASE"), KEY("PARASAIL_API_KEY"), .quirks = QUIRK_NO_STORE),
	LIKE("perplexity", "https://api.perplexity.ai", BASE("PERPLEXITY_API_BASE"), KEY("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY")),
	LATER("petals"),
	LATER("pg_vector"),
	LIKE("pinstripes", "https://pinstripes.io/v1", BASE("PINSTRIPES_API_BASE"), KEY("PINSTRIPES_API_KEY"),
	    .quirks = QUIRK_MAX_TOKENS_OLD),
	LIKE("poe", "https://api.poe.com/v1", KEY("POE_API_KEY"), .quirks = QUIRK_MAX_TOKENS_OLD),
	LATER("predibase"),
	LIKE("prism", "https://api.prisminference.com/v1", BASE("PRISM_API_BASE"), KEY("PRISM_API_KEY")),
	LIKE("publicai", "https://api.publicai.co/v1", BASE("PUBLICAI_API_BASE"), KEY("PUBLICAI_API_KEY"),
	    .quirks = QUIRK_FLATTEN_CONTENT | QUIRK_MAX_TOKENS_OLD),
	LIKE("qwen_ai_platform", "https://dashscope.aliyuncs.com/compatible-mode/v1", KEY("QWEN_AI_PLATFORM_API_KEY")),
	LIKE("qwencloud", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", KEY("QWENCLOUD_API_KEY")),
	LATER("ragflow"),
	LATER("recraft"),
	LATER("reducto"),
	LIKE("reka", "https://api.reka.ai/v1", BASE("REKA_API_BASE"), KEY("REKA_API_KEY")),
	LATER("replicate"),
	LATER("runwayml"),
	LATER("sagemaker"),
	LATER("sagemaker_chat"),
	LATER("sagemaker_nova"),
	LIKE("sail", "https://api.sailresearch.com/v1", BASE("SAIL_API_BASE"), KEY("SAIL_API_KEY")),
	LIKE("salad_cloud", "https://ai.salad.cloud/v1", KEY("SALAD_CLOUD_API_KEY")),
	LIKE("sambanova", "https://api.sambanova.ai/v1", BASE("SAMBANOVA_API_BASE"), KEY("SAMBANOVA_API_KEY")),
	LATER("sap"),
	LIKE("sarvam", "https://api.sarvam.ai/v1", KEY("SARVAM_API_KEY"), .quirks = QUIRK_MAX_TOKENS_OLD,
	    .headers = "api-subscription-key: {api_key}"),
	LIKE("scaleway", "https://api.scaleway.ai/v1", KEY("SCW_SECRET_KEY")),
	LIKE("scx-ai", "https://api.scx.ai/v1", BASE("SCX_API_BASE"), KEY("SCX_API_KEY"), .quirks = QUIRK_MAX_TOKENS_OLD),
	LATER("snowflake"),
	LATER("soniox"),
	LATER("stability"),
	LIKE("synthetic", "https://api.synthetic.new/openai/v1", KEY("SYNTHETIC_API_KEY"), .quirks = QUIRK_MAX_TOKENS_OLD),
	LIKE("tencent", "https://tokenhub-intl.tencentcloudmaas.com/v1", KEY("TENCENT_API_KEY")),
	LIKE("tensormesh", "https://serverless.tensormesh.ai/v1", BASE("TENSORMESH_SERVERLESS_BASE_URL"),
	    KEY("TENSORMESH_INFERENCE_API_KEY"), .quirks = QUIRK_MAX_TOKENS_OLD),
	LATER("text-completion-codestral"),
	LATER("text-completion-inception"),
	LIKE("text-completion-openai", "https://api.openai.com/v1", BASE("OPENAI_BASE_URL", "OPENAI_API_BASE"), KEY("OPENAI_API_KEY"),
	    .quirks = QUIRK_COMPLETIONS),
	LIKE("together_ai", "https://api.together.ai/v1", BASE("TOGETHER_AI_API_BASE"),
	    KEY("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"), .also_host = "api.together.xyz",
	    .quirks = QUIRK_COMPLETIONS),
	LATER("topaz"),
	LATER("triton"),
	LIKE("v0", "https://api.v0.dev/v1", BASE("V0_API_BASE"), KEY("V0_API_KEY")),
	LIKE("veniceai", "https://api.venice.ai/api/v1", KEY("VENICE_AI_API_KEY")),
	LIKE("vercel_ai_gateway", "https://ai-gateway.vercel.sh/v1", BASE("VERCEL_AI_GATEWAY_API_BASE"),
	    KEY("VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN")),
	LATER("vertex_ai"),
	LATER("vertex_ai_beta"),
	LIKE("vllm", NULL, BASE("HOSTED_VLLM_API_BASE"), KEY("HOSTED_VLLM_API_KEY"),
	    .quirks = QUIRK_KEY_OPTIONAL | QUIRK_CONTINUOUS_USAGE | QUIRK_RESPONSES | QUIRK_COMPLETIONS),
	LIKE("volcengine", "https://ark.cn-beijing.volces.com/api/v3", BASE("VOLCENGINE_API_BASE"),
	    KEY("VOLCENGINE_API_KEY", "ARK_API_KEY")),
	LATER("voyage"),
	LIKE("wandb", "https://api.inference.wandb.ai/v1", BASE("WANDB_API_BASE"), KEY("WANDB_API_KEY")),
	LATER("watsonx"),
	LATER("watsonx_text"),
	LIKE("xai", "https://api.x.ai/v1", BASE("XAI_API_BASE"), KEY("XAI_API_KEY"),
	    .quirks = QUIRK_MAX_TOKENS_NEW | QUIRK_RESPONSES),
	LIKE("xiaomi_mimo", "https://api.xiaomimimo.com/v1", KEY("XIAOMI_MIMO_API_KEY"), .quirks = QUIRK_MAX_TOKENS_OLD),
	LIKE("xinference", "http://127.0.0.1:9997/v1", BASE("XINFERENCE_API_BASE"), KEY("XINFERENCE_API_KEY"),
	    .quirks = QUIRK_KEY_OPTIONAL | QUIRK_COMPLETIONS),
	LIKE("zai", "https://api.z.ai/api/paas/v4", BASE("ZAI_API_BASE"), KEY("ZAI_API_KEY")),
};

/* openai/ at a server of the operator's own: nothing of OpenAI's newest habits can be expected of it. */
static const struct vendor openai_elsewhere = LIKE("openai", NULL, .quirks = QUIRK_KEY_OPTIONAL | QUIRK_RESPONSES | QUIRK_COMPLETIONS);

/* Whose a model is that has no prefix. */
static const struct {
	const char	*begins, *vendor;
} bare[] = {
	{ "gpt-", "openai" }, { "chatgpt-", "openai" }, { "o1", "openai" }, { "o3", "openai" }, { "o4", "openai" }, { "ft:gpt-", "openai" },
	{ "codex-", "openai" }, { "computer-use-", "openai" }, { "text-embedding-", "openai" }, { "omni-moderation-", "openai" },
	{ "text-moderation-", "openai" }, { "dall-e-", "openai" }, { "tts-1", "openai" }, { "whisper-", "openai" }, { "*", "openai" },
	{ "claude-", "anthropic" }, { "gemini-", "vertex_ai" }, { "command-", "cohere" }, { "embed-english", "cohere" },
	{ "embed-multilingual", "cohere" },
};

static const struct {
	const char	*name;
	enum quirk	 quirk;
} quirks[] = {
	{ "max_tokens_old", QUIRK_MAX_TOKENS_OLD }, { "key_optional", QUIRK_KEY_OPTIONAL }, { "developer_ok", QUIRK_DEVELOPER_OK },
	{ "max_tokens_new", QUIRK_MAX_TOKENS_NEW }, { "flatten_content", QUIRK_FLATTEN_CONTENT },
	{ "continuous_usage", QUIRK_CONTINUOUS_USAGE },
	{ "no_store", QUIRK_NO_STORE }, { "no_stream_options", QUIRK_NO_STREAM_OPTIONS }, { "responses", QUIRK_RESPONSES },
	{ "completions", QUIRK_COMPLETIONS }, { "no_max_tokens", QUIRK_NO_MAX_TOKENS }, { "api_key_header", QUIRK_API_KEY },
	{ "chat_apart", QUIRK_CHAT_APART },
};

static int
against_prefix(const void *key, const void *row)
{
	const struct text *t = key;
	const char *prefix = ((const struct vendor *)row)->prefix;
	size_t len = strlen(prefix), n = t->len < len ? t->len : len;
	int c = memcmp(t->at, prefix, n);

	return (c != 0 ? c : t->len < len ? -1 : t->len > len);
}

const struct vendor *
vendor_find(struct text prefix)
{
	if (prefix.len == 0)
		return (NULL);
	return (bsearch(&prefix, vendors, nitems(vendors), sizeof(vendors[0]), against_prefix));
}

const struct vendor *
config_vendor(const struct config *c, struct text prefix)
{
	for (size_t i = 0; i < c->n_vendors; i++)
		if (text_is(prefix, c->vendors[i].prefix))
			return (&c->vendors[i]);
	return (vendor_find(prefix));
}

const struct vendor *
vendor_nth(const struct config *c, size_t i)
{
	if (i < c->n_vendors)
		return (&c->vendors[i]);
	i -= c->n_vendors;
	return (i < nitems(vendors) ? &vendors[i] : NULL);
}

const struct vendor *
vendor_plain(const struct vendor *v)
{
	return (v == vendor_find(TEXT("openai")) ? &openai_elsewhere : v);
}

const struct vendor *
vendor_guess(struct text model)
{
	for (size_t i = 0; i < nitems(bare); i++)
		if (text_starts(model, text_of(bare[i].begins)))
			return (vendor_find(text_of(bare[i].vendor)));
	return (text_has(model, TEXT("ft:gpt-")) ? vendor_find(TEXT("openai")) : NULL);
}

bool
vendor_owns(const struct vendor *v, const struct url *u)
{
	struct url own;

	if ((v->quirks & (QUIRK_AZURE | QUIRK_FOUNDRY)) != 0)
		return (azure_owns(u));
	if (v->base_url == NULL || url_parse(&own, text_of(v->base_url)) != NULL)
		return (false);
	if (url_same_server(u, &own))
		return (true);
	own.host = text_of(v->also_host);
	return (own.host.len > 0 && url_same_server(u, &own));
}

const struct vendor *
vendor_of_server(const struct config *c, const struct url *u)
{
	for (size_t i = 0; i < c->n_vendors; i++)
		if (vendor_owns(&c->vendors[i], u))
			return (&c->vendors[i]);
	for (size_t i = 0; i < nitems(vendors); i++)
		if (text_is(u->scheme, "https") && vendor_owns(&vendors[i], u))
			return (&vendors[i]);
	return (NULL);
}

static const char *
nth_prefix(const void *table, size_t i)
{
	return (((const struct vendor *)table)[i].prefix);
}

const char *
vendor_near(const struct config *c, struct text prefix)
{
	const char *near = did_you_mean(prefix, c->vendors, c->n_vendors, nth_prefix);

	return (near != NULL ? near : did_you_mean(prefix, vendors, nitems(vendors), nth_prefix));
}

/* sluice.vendors: rows of the operator's own. */

static const char *
nth_quirk(const void *table, size_t i)
{
	return (quirks[i].name);
}

static unsigned
read_quirks(struct load *l, const struct node *list)
{
	unsigned found = 0;

	if (!want_kind(l, list, NODE_LIST))
		return (0);
	for (const struct pair *p = list->first; p != NULL; p = p->next) {
		unsigned one = 0;
		for (size_t i = 0; i < nitems(quirks); i++)
			if (text_is(p->value->text, quirks[i].name))
				one = quirks[i].quirk;
		if (one == 0) {
			const char *near = did_you_mean(p->value->text, NULL, nitems(quirks), nth_quirk);
			problem(l, PROBLEM_ERROR, p->value, "no such quirk: " TEXT_FMT "%s", TEXT_ARG(p->value->text), hint(l, near));
		}
		found |= one;
	}
	return (found);
}

static void
read_names(struct load *l, const struct node *n, const char **into, size_t room)
{
	struct text *list;
	size_t count = want_texts(l, n, &list);

	if (count > room)
		problem(l, PROBLEM_ERROR, n, "at most %zu names", room);
	for (size_t i = 0; i < count && i < room; i++)
		into[i] = list[i].at;
}

static const char *
read_vendor_headers(struct load *l, const struct node *map)
{
	struct buf b = { 0 };
	const char *lines;

	if (!want_kind(l, map, NODE_MAP))
		return (NULL);
	for (const struct pair *p = map->first; p != NULL; p = p->next) {
		struct text line;
		if (header_line(l, map, p, &line))
			buf_print(&b, "%s" TEXT_FMT, b.len > 0 ? "\n" : "", TEXT_ARG(line));
	}
	lines = arena_copy(l->arena, buf_as_text(&b)).at;
	buf_free(&b);
	return (lines[0] != '\0' ? lines : NULL);
}

static void
read_wire(struct load *l, const struct node *n, struct vendor *v)
{
	struct text wire;

	v->wire = WIRE_OPENAI;
	if (!want_text(l, n, &wire))
		return;
	if (text_is(wire, "anthropic"))
		v->wire = WIRE_ANTHROPIC;
	else if (!text_is(wire, "openai"))
		problem(l, PROBLEM_ERROR, n, "wire must be openai or anthropic");
}

static void
read_vendor(struct load *l, const struct node *map, struct vendor *v)
{
	static const char *const keys[] = { "base_env", "base_url", "headers", "key_env", "model_prefix", "path", "quirks", "wire" };
	struct text t;
	struct url u;

	for (const struct pair *p = map->first; p != NULL; p = p->next)
		own_key_known(l, map, p, keys, nitems(keys));
	read_wire(l, node_get(map, "wire"), v);
	if (want_text(l, node_get(map, "base_url"), &t)) {
		const char *why = url_parse(&u, t);
		if (why != NULL)
			problem(l, PROBLEM_ERROR, node_get(map, "base_url"), "base_url %s", why);
		else
			v->base_url = t.at;
	}
	if (want_text(l, node_get(map, "path"), &t)) {
		if (t.len > 0 && t.at[0] != '/')
			problem(l, PROBLEM_ERROR, node_get(map, "path"), "path must begin with a slash");
		else
			v->chat_path = t.at;
	}
	if (want_text(l, node_get(map, "model_prefix"), &t))
		v->model_prefix = t.at;
	read_names(l, node_get(map, "base_env"), v->base_env, nitems(v->base_env));
	read_names(l, node_get(map, "key_env"), v->key_env, nitems(v->key_env));
	v->quirks = read_quirks(l, node_get(map, "quirks"));
	v->headers = read_vendor_headers(l, node_get(map, "headers"));
}

void
vendors_read(struct load *l, const struct node *map)
{
	struct config *c = l->config;

	if (!want_kind(l, map, NODE_MAP))
		return;
	c->vendors = arena_alloc(l->arena, (map->n + 1) * sizeof(*c->vendors));
	for (const struct pair *p = map->first; p != NULL; p = p->next) {
		struct vendor *v = &c->vendors[c->n_vendors];
		if (p->key.len == 0 || memchr(p->key.at, '/', p->key.len) != NULL) {
			problem_key(l, PROBLEM_ERROR, map, p, "a vendor's prefix is a word without a slash");
			continue;
		}
		if (!want_kind(l, p->value, NODE_MAP))
			continue;
		v->prefix = arena_copy(l->arena, p->key).at;
		read_vendor(l, p->value, v);
		c->n_vendors++;
	}
}
