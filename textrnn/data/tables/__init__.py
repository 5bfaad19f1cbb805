"""Tables: files whose rows have named columns, whatever their format.

``opening`` tells formats apart and makes each input a :class:`Table`; ``separated`` (CSV, TSV),
``jsonlines``, ``jsonlist``, ``fasttext``, ``folders`` (a folder a class), ``parquet`` and ``hub``
(Hugging Face) read one format each; ``dialect`` finds delimiters, quotes and headers. Which columns
mean what is none of their business: that is ``textrnn.data.columns``.
"""
