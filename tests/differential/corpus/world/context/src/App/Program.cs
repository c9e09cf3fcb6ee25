cs
