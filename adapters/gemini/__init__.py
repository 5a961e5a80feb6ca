"""Gemini's own API, at Google or behind a gateway that speaks it, as an ``ImageModel``.

Pure: ``wire`` (requests and answers) with ``grounding`` and ``outcomes``, ``extract`` (the split of
an answer), ``failures`` with ``problems``, and ``loose``. Input and output: ``client`` (calls) over
``transport``, and ``answers`` (reading).
"""
