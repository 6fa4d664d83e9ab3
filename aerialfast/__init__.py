__version__ = "0.0.1"

import warnings
warnings.filterwarnings('ignore', '`torch.jit.script` is deprecated', FutureWarning) # fastai still uses it

def __getattr__(name):
    "Open `aerialfast.all` at the first need: `import aerialfast.grids` does not wait for torch."
    from importlib import import_module, util
    if name.startswith('_') and name!='__all__': raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if '.' not in name and util.find_spec(f'{__name__}.{name}'): return import_module(f'{__name__}.{name}')
    try: mod = import_module(f'{__name__}.all')
    except AttributeError as e: raise ImportError(f"{__name__}.all does not load: {e}") from e  # the star takes an AttributeError for an empty list
    try: return getattr(mod, name)
    except AttributeError: raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None

def __dir__(): return sorted({*globals(), *__getattr__('__all__')})
